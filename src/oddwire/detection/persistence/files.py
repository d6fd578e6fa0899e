"""What the files of a saved model hold, except estimators: JSON and arrays, never pickle."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read_file(file: Path) -> bytes:
    """Return a file's content.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from error


def dump_json(content: dict[str, Any]) -> bytes:
    """Return the same bytes for the same content; NumPy's scalars become plain numbers."""
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, default=_plain)
    return text.encode() + b"\n"


def load_json(content: bytes, *, name: str) -> dict[str, Any]:
    """Read an object of JSON.

    Raises
    ------
    ModelError
        If it is something else.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ModelError(f"{name} must hold keys and values, got {found!r:.60}")
    return found


def dump_array(array: NDArray[np.float64]) -> bytes:
    """Return the ``.npy`` form of an array."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def load_array(content: bytes, *, name: str) -> NDArray[np.float64]:
    """Read an array of float64 from its ``.npy`` form.

    Raises
    ------
    ModelError
        If it is something else.
    """
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, MemoryError, OSError) as error:
        raise ModelError(f"{name} is not an array: {error}") from None
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        raise ModelError(f"{name} must be an array of float64")
    return array


def in_a_line(error: Exception) -> str:
    """Return an error's type and message on one line, shortened."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"JSON cannot hold {value!r}")

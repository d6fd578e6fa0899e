"""Arrays of numbers as ``.npy`` files, never by pickle."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from oddwire.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

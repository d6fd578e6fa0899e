"""A trained autoencoder as two files: numbers in safetensors, the rest in JSON; no pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

_WEIGHTS = "autoencoder.safetensors"
_SETTINGS = "autoencoder.json"


@dataclass(frozen=True, kw_only=True)
class Saved:
    """All that an autoencoder's scores depend on.

    Parameters
    ----------
    parameters
        Those of the estimator, as JSON can hold them.
    columns
        Number of columns.
    offset
        Score below which ``predict`` returns -1.
    tensors
        Weights and error scale by name.
    """

    parameters: Mapping[str, Any]
    columns: int
    offset: float
    tensors: Mapping[str, torch.Tensor]


def save(saved: Saved, folder: Path) -> None:
    """Write both files into ``folder``, which is made if need be."""
    weights = save_tensors(dict(saved.tensors))
    content = {
        "parameters": dict(saved.parameters),
        "columns": saved.columns,
        "offset": saved.offset,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _WEIGHTS).write_bytes(weights)
    (folder / _SETTINGS).write_text(text, encoding="utf-8")


def load(folder: Path) -> Saved:
    """Read back what `save` wrote.

    Raises
    ------
    ModelError
        If a file is missing or damaged, or the weights are not those that were saved.
    """
    settings, weights = folder / _SETTINGS, folder / _WEIGHTS
    try:
        content = json.loads(_read(settings))
        digest = content["weights_sha256"]
        parameters, columns = dict(content["parameters"]), int(content["columns"])
        offset = float(content["offset"])
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{settings} is damaged: {error!r:.200}") from error
    packed = _read(weights)
    found = hashlib.sha256(packed).hexdigest()
    if found != digest:
        raise ModelError(f"{weights} must have the SHA-256 {digest!r:.80}, got {found!r}")
    try:
        tensors = load_tensors(packed)
    except SafetensorError as error:
        raise ModelError(f"{weights} is not a safetensors file: {error}") from error
    return Saved(parameters=parameters, columns=columns, offset=offset, tensors=tensors)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from error

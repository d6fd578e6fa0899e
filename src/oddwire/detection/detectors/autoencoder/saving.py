"""A trained autoencoder as two files: tensors in safetensors, the rest in JSON; no pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from oddwire.detection.persistence.files import dump_json, load_json, read_file
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

_TENSORS = "autoencoder.safetensors"
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
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _TENSORS).write_bytes(save_tensors(dict(saved.tensors)))
    content = {
        "parameters": dict(saved.parameters),
        "columns": saved.columns,
        "offset": saved.offset,
    }
    (folder / _SETTINGS).write_bytes(dump_json(content))


def load(folder: Path) -> Saved:
    """Read back what `save` wrote.

    Raises
    ------
    ModelError
        If a file is missing or damaged.
    """
    content = load_json(read_file(folder / _SETTINGS), name=_SETTINGS)
    try:
        return Saved(
            parameters=dict(content["parameters"]),
            columns=int(content["columns"]),
            offset=float(content["offset"]),
            tensors=load_tensors(read_file(folder / _TENSORS)),
        )
    except (ValueError, TypeError, KeyError, SafetensorError) as error:
        raise ModelError(f"the autoencoder in {folder} is damaged: {error!r:.200}") from error

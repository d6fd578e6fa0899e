"""The errors of networks on rows that they were not trained on, to which others are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from oddwire.detection.detectors.autoencoder.quiet import one_thread

if TYPE_CHECKING:
    from oddwire.detection.detectors.autoencoder.network import Autoencoder

_FLOOR = 0.1  # share of the mean squared error: no column is taken for more exact than this
_TINY = 1e-12  # for the case that every row is reconstructed exactly
_BLOCK = 4096


def fit_error_scale(
    network: Autoencoder, held_out: torch.Tensor, *, scale_errors: bool
) -> torch.Tensor:
    """Measure the scale of each column's error.

    Parameters
    ----------
    network
        Trained networks, on the CPU.
    held_out
        Rows that they were not trained on, float32 of shape (rows, columns).
    scale_errors
        Whether each column has a scale of its own, or all columns the same.

    Returns
    -------
    Tensor of float32 of shape (networks, columns)
        Root of the mean squared error, above 0.
    """
    with torch.inference_mode(), one_thread():
        squared = torch.zeros(network.networks, held_out.shape[1], dtype=torch.float64)
        for block in torch.split(held_out, _BLOCK):
            squared += (network(block) - block).square().sum(dim=1, dtype=torch.float64)
        squared /= len(held_out)
        mean = squared.mean(dim=1, keepdim=True)
        if not scale_errors:
            squared = mean.expand_as(squared)
        return (squared + _FLOOR * mean + _TINY).sqrt().float()


def check_error_scale(scale: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Return a scale that was read from a file.

    Raises
    ------
    ValueError
        If it has another shape or type, or holds what cannot be a scale.
    """
    if tuple(scale.shape) != shape or scale.dtype != torch.float32:
        got = f"{scale.dtype} of shape {tuple(scale.shape)}"
        raise ValueError(f"error_scale must be float32 of shape {shape}, got {got}")
    if not (scale.isfinite() & (scale > 0)).all():
        raise ValueError("error_scale must hold finite numbers above 0")
    return scale

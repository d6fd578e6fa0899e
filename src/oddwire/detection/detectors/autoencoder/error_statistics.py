"""What is usual for rows that networks were not trained on: the measure of what is odd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

import numpy as np
import torch
from sklearn.cluster import KMeans

from oddwire.detection.detectors.autoencoder.quiet import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.detection.detectors.autoencoder.network import Autoencoder

_FLOOR = 0.1  # share of the mean squared error: no column is taken for more exact than this
_TINY = 1e-12  # for the case that every row comes back as it went in
_BLOCK = 4096
_CENTERS = 128
_CENTER_ROWS = 4000  # codes that the centers are found among; more would hardly move them
_CENTER_ROUNDS = 30
_LEAST_SPREAD = 1e-6  # of codes, squared: squared distances must stay far from float32's end
_RIDGE = 0.01  # share of the codes' mean variance: no direction is taken for narrower than this


@dataclass(frozen=True)
class ErrorStatistics:
    """Figures of held-out rows, per network, as float32.

    Parameters
    ----------
    error_scale
        Root of each column's usual squared error, of shape (networks, columns).
    centers
        Where codes lie dense, of shape (networks, centers, latent_size); no centers where the
        density does not count.
    center_weights
        What codes and centers are multiplied with before their distance is taken, of shape
        (networks, latent_size, latent_size); the usual squared distance is then 1.
    """

    error_scale: torch.Tensor
    centers: torch.Tensor
    center_weights: torch.Tensor

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the figures by name, to be saved."""
        return dict(vars(self))

    @classmethod
    def take(
        cls, tensors: dict[str, torch.Tensor], *, networks: int, columns: int, latent_size: int
    ) -> Self:
        """Take the figures out of saved tensors.

        Raises
        ------
        KeyError
            If one is missing.
        ValueError
            If one has the wrong shape or holds what cannot be.
        """
        usual = cls(**{name: tensors.pop(name) for name in cls.__dataclass_fields__})
        count = usual.centers.shape[1] if usual.centers.ndim > 1 else -1
        shapes: Mapping[str, tuple[int, ...]] = {
            "error_scale": (networks, columns),
            "centers": (networks, count, latent_size),
            "center_weights": (networks, latent_size, latent_size),
        }
        for name, tensor in usual.tensors().items():
            if tuple(tensor.shape) != shapes[name] or tensor.dtype != torch.float32:
                got = f"{tensor.dtype} of shape {tuple(tensor.shape)}"
                raise ValueError(f"{name} must be float32 of shape {shapes[name]}, got {got}")
            if not tensor.isfinite().all():
                raise ValueError(f"{name} must hold finite numbers")
        if not (usual.error_scale > 0).all():
            raise ValueError("error_scale must hold positive numbers")
        return usual


def fit_error_statistics(
    network: Autoencoder,
    training: torch.Tensor,
    held_out: torch.Tensor,
    *,
    scale_errors: bool,
    density: bool,
) -> ErrorStatistics:
    """Measure what is usual.

    Parameters
    ----------
    network
        Trained networks, on the CPU.
    training, held_out
        Rows that they were trained on, and rows that they were not, float32.
    scale_errors
        Whether each column has a usual error of its own, or all columns the same.
    density
        Whether to look where the codes of training rows lie.
    """
    with torch.inference_mode(), one_thread():
        usual = _column_errors(network, held_out)
        mean = usual.mean(dim=1, keepdim=True)
        if not scale_errors:
            usual = mean.expand_as(usual)
        error_scale = (usual + _FLOOR * mean + _TINY).sqrt()
        latent_size = network.encode(held_out[:1]).shape[2]
        centers = torch.zeros(network.networks, 0, latent_size)
        weights = torch.eye(latent_size).expand(network.networks, -1, -1)
        if density:
            codes = network.encode(training[:_CENTER_ROWS]).double()
            places = [
                _dense_places(own, others)
                for own, others in zip(codes, network.encode(held_out[:_CENTER_ROWS]), strict=True)
            ]
            centers = _as_many([found for found, _ in places])
            weights = torch.stack([white for _, white in places])
    return ErrorStatistics(error_scale.float(), centers.float(), weights.float().contiguous())


def _column_errors(network: Autoencoder, rows: torch.Tensor) -> torch.Tensor:
    """Return each column's mean squared error, float64 of shape (networks, columns)."""
    total = torch.zeros(network.networks, rows.shape[1], dtype=torch.float64)
    for block in torch.split(rows, _BLOCK):
        total += (network(block) - block).square().sum(dim=1, dtype=torch.float64)
    return total / len(rows)


def _dense_places(codes: torch.Tensor, held_out: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return centers of one network's codes, and the weights that make their distances usual."""
    white = _whitening(codes)
    # Traffic repeats itself: the same code many times over is one place with a weight.
    places, counts = np.unique((codes @ white).numpy().round(4), axis=0, return_counts=True)
    search = KMeans(min(_CENTERS, len(places)), n_init=1, max_iter=_CENTER_ROUNDS, random_state=0)
    centers = torch.from_numpy(search.fit(places, sample_weight=counts).cluster_centers_)
    nearest = torch.cdist(held_out.double() @ white, centers).square().amin(dim=1)
    usual = (nearest.mean() + _LEAST_SPREAD).sqrt()
    return centers / usual, white / usual


def _as_many(centers: list[torch.Tensor]) -> torch.Tensor:
    """Stack the networks' centers; a network of few different codes repeats its first one."""
    most = max(map(len, centers))
    return torch.stack([torch.cat([own, own[:1].expand(most - len(own), -1)]) for own in centers])


def _whitening(codes: torch.Tensor) -> torch.Tensor:
    """Return the matrix that makes the codes uncorrelated, with variance 1."""
    centered = codes - codes.mean(dim=0)
    covariance = centered.T @ centered / len(codes)
    ridge = _RIDGE * covariance.diagonal().mean() + _LEAST_SPREAD
    covariance += ridge * torch.eye(len(covariance), dtype=covariance.dtype)
    return cast("torch.Tensor", torch.linalg.cholesky(torch.linalg.inv(covariance)))

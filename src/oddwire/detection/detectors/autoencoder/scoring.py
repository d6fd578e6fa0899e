"""Reconstruction errors of trained networks, scaled and capped.

Everything here is float32 in blocks of one size. The shape of a product decides in which order it
is summed up; in blocks of one size a row's score does not depend on the rows around it.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import joblib
import numpy as np
import torch
from torch.nn.functional import pad, silu

from oddwire.detection.detectors.autoencoder.network import ParallelLinear
from oddwire.detection.detectors.autoencoder.quiet import one_thread

if TYPE_CHECKING:
    from oddwire.detection.arrays import Matrix, Vector
    from oddwire.detection.detectors.autoencoder.network import Autoencoder

    Layers = list[tuple[torch.Tensor, torch.Tensor]]

ERROR_CAP = 50.0  # a scaled squared error beyond counts by its logarithm: see `_score_block`
BOUND = 1e6  # larger values are clipped: float32 would overflow, and nothing is more anomalous
_BLOCKS = {"cpu": 256, "cuda": 16_384}  # rows: the layers' outputs stay in a processor's cache
_MOST_THREADS = 8
_LANES = 8


class Scorer:
    """Networks made ready for scoring: the errors' scales are folded into the last layer.

    Parameters
    ----------
    network
        Trained networks, on the CPU.
    error_scale
        What each column's error is divided by, float32 of shape (networks, columns).
    device
        ``cpu`` or ``cuda``.
    """

    def __init__(
        self, network: Autoencoder, error_scale: torch.Tensor, *, device: str = "cpu"
    ) -> None:
        self.columns = error_scale.shape[1]
        self.block = _BLOCKS[device]
        self._networks, self._device = network.networks, device
        inverse = 1 / error_scale[:, None, :]
        self._inverse = _padded(inverse).to(device)
        self._encoder = self._layers(network.encoder)
        self._decoder = self._layers(network.decoder, scale=inverse)

    def _layers(self, stack: torch.nn.Sequential, *, scale: torch.Tensor | None = None) -> Layers:
        """Return weight and bias of the linear layers; those of the last multiplied by scale."""
        layers = [layer for layer in stack if isinstance(layer, ParallelLinear)]
        parts: Layers = [(layer.weight, layer.bias) for layer in layers]
        if scale is not None:
            weight, bias = parts.pop()
            parts.append((weight * scale, bias * scale))
        return [
            (_padded(weight, inputs=True).to(self._device), _padded(bias).to(self._device))
            for weight, bias in parts
        ]

    def score_rows(self, rows: Matrix) -> Vector:
        """Return anomaly scores of shape (rows,), higher = more anomalous.

        Parameters
        ----------
        rows
            Finite numbers of shape (rows, columns).
        """
        result = np.empty(len(rows))
        starts = range(0, len(rows), self.block)

        def share(worker: int, workers: int) -> None:
            buffer = np.zeros((self.block, self._inverse.shape[2]), dtype=np.float32)
            with torch.inference_mode(), one_thread():
                for start in starts[worker::workers]:
                    part = rows[start : start + self.block]
                    clipped = buffer[: len(part), : self.columns]
                    np.clip(part, -BOUND, BOUND, out=clipped, casting="unsafe")
                    scores = self._score_block(torch.from_numpy(buffer).to(self._device))
                    result[start : start + len(part)] = scores[: len(part)].cpu().numpy()

        workers = min(len(starts) // 4, joblib.cpu_count(), _MOST_THREADS)
        if workers <= 1:
            share(0, 1)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(share, range(workers), itertools.repeat(workers)))
        return result

    def _score_block(self, block: torch.Tensor) -> torch.Tensor:
        """Return the mean over columns and networks of the scaled squared errors, capped.

        Without a cap, services that training did not have look as anomalous as attacks: ROC AUC
        .939 where a quarter of NSL-KDD's benign services is kept from training, .960 with a cap of
        50. What is beyond the cap adds its logarithm, which keeps rows apart that reach the cap in
        every column.
        """
        errors = self._errors(block)
        total = errors.sum(dim=2)
        capped = errors.clamp_(max=ERROR_CAP).sum(dim=2)
        beyond = ((total - capped) / ERROR_CAP).clamp_(min=0).log1p_()
        return ((capped + beyond) / self.columns).mean(dim=0)

    def _errors(self, block: torch.Tensor) -> torch.Tensor:
        """Return the scaled squared errors, per network, row and column."""
        weight, bias = self._encoder[-1]
        hidden = _hidden(self._encoder, block.expand(self._networks, -1, -1))
        rows = _hidden(self._decoder, torch.baddbmm(bias, hidden, weight))
        weight, bias = self._decoder[-1]
        negative = torch.addcmul(bias, block, self._inverse, value=-1.0)
        return torch.baddbmm(negative, rows, weight).square_()


def _hidden(layers: Layers, rows: torch.Tensor) -> torch.Tensor:
    """Return what all layers but the last make of rows."""
    for weight, bias in layers[:-1]:
        rows = silu(torch.baddbmm(bias, rows, weight), inplace=True)
    return rows


def _padded(tensor: torch.Tensor, *, inputs: bool = False) -> torch.Tensor:
    """Add zeros up to whole vectors: a product's last, partial vector is summed differently."""
    more = -tensor.shape[-1] % _LANES
    return pad(tensor.detach(), (0, more, 0, -tensor.shape[-2] % _LANES if inputs else 0))

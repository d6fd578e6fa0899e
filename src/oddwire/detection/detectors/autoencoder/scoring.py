"""What trained networks make of rows: how badly they come back, how far their codes lie off.

Everything here is float32 in blocks of one size. The shape of a product decides in which order it
is summed up; in blocks of one size a row's score does not depend on the rows beside it.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import joblib
import numpy as np
import torch
from torch.nn.functional import pad, silu

from oddwire.detection.detectors.autoencoder.network import ParallelLinear
from oddwire.detection.detectors.autoencoder.quiet import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from oddwire.detection.detectors.autoencoder.error_statistics import ErrorStatistics
    from oddwire.detection.detectors.autoencoder.network import Autoencoder

    Matrix = NDArray[np.float64]

Score = Literal["reconstruction", "density", "both"]

_BOUND = 1e6  # values beyond are cut off: float32 would overflow, and nothing is odder than that
_BLOCKS = {"cpu": 256, "cuda": 16_384}  # rows: the layers' outputs stay in a processor's cache
_MOST_THREADS = 8
_LANES = 8
_LEAST = 1e-30  # in the place of a divisor of 0
_DENSITY_SHARE = 0.3  # beside the reconstruction; with 1 shifted benign traffic scored worse


class _DensePlaces:
    """Where the codes of training rows lie, made ready for distances by matrix products."""

    def __init__(self, usual: ErrorStatistics, device: str) -> None:
        origin = usual.centers.mean(dim=1, keepdim=True)  # far from it, products lose digits
        centers = usual.centers - origin
        # Filling up with the first center moves no distance to the nearest.
        first = centers[:, :1].expand(-1, -centers.shape[1] % _LANES, -1)
        centers = _filled_up(torch.cat([centers, first], dim=1))
        self._weights = _filled_up(usual.center_weights, inputs=True).to(device)
        self._origin = _filled_up(origin).to(device)
        self._centers = centers.mT.contiguous().to(device)
        self._squares = centers.square().sum(dim=2)[:, None, :].to(device)

    def distance(self, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared distances to the nearest place, per network and row."""
        places = torch.baddbmm(-self._origin, codes, self._weights)
        products = torch.baddbmm(self._squares, places, self._centers, alpha=-2.0)
        return products.amin(dim=2).add_(places.square().sum(dim=2)).clamp_(min=0)


def _filled_up(tensor: torch.Tensor, *, inputs: bool = False) -> torch.Tensor:
    """Add zeros up to whole vectors: a product's last, partial vector is summed up otherwise."""
    more = -tensor.shape[-1] % _LANES
    return pad(tensor.detach(), (0, more, 0, -tensor.shape[-2] % _LANES if inputs else 0))


class Scorer:
    """Networks made ready for scoring: the errors' scales are folded into the last layer.

    Parameters
    ----------
    network
        Trained networks, on the CPU.
    usual
        What is usual for rows that they were not trained on.
    score_from
        What counts: ``reconstruction``, ``density`` (of the codes), or ``both``.
    error_cap
        How many times its usual squared error a column counts in full.
    device
        ``cpu`` or ``cuda``.
    """

    def __init__(
        self,
        network: Autoencoder,
        usual: ErrorStatistics,
        *,
        score_from: Score = "reconstruction",
        error_cap: float,
        device: str = "cpu",
    ) -> None:
        self.score_from = score_from
        self.error_cap = error_cap
        self.columns = usual.error_scale.shape[1]
        self.block = _BLOCKS[device]
        self._places = None if score_from == "reconstruction" else _DensePlaces(usual, device)
        self._networks, self._device = network.networks, device
        inverse = 1 / usual.error_scale[:, None, :]
        self._inverse = _filled_up(inverse).to(device)
        self._encoder = self._layers(network.encoder)
        self._decoder = self._layers(network.decoder, scale=inverse)

    def _layers(
        self, stack: torch.nn.Sequential, *, scale: torch.Tensor | None = None
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return weight and bias of the linear layers; those of the last multiplied by scale."""
        layers = [layer for layer in stack if isinstance(layer, ParallelLinear)]
        parts: list[tuple[torch.Tensor, torch.Tensor]]
        parts = [(layer.weight, layer.bias) for layer in layers]
        if scale is not None:
            weight, bias = parts.pop()
            parts.append((weight * scale, bias * scale))
        return [
            (_filled_up(weight, inputs=True).to(self._device), _filled_up(bias).to(self._device))
            for weight, bias in parts
        ]

    def score_rows(self, rows: Matrix) -> Matrix:
        """Return how odd rows are, of shape (rows,); higher is worse.

        Parameters
        ----------
        rows
            Finite, of shape (rows, columns).
        """
        result = np.empty(len(rows))
        self._run(rows, result, self._score_block)
        return result

    def score_columns(self, rows: Matrix) -> Matrix:
        """Return each column's share of the reconstruction score, of shape (rows, columns).

        Their mean over the columns is the score from reconstruction.
        """
        result = np.empty(rows.shape)
        self._run(rows, result, self._column_block)
        return result

    def _score_block(self, block: torch.Tensor) -> torch.Tensor:
        codes = self._encode(block)
        parts = []
        if self.score_from != "density":
            errors = self._errors(block, codes)
            total = errors.sum(dim=2)
            full = errors.clamp_(max=self.error_cap).sum(dim=2)
            parts.append((full + self._tail(total - full)) / self.columns)
        if self._places is not None:
            distance = self._places.distance(codes)
            full = distance.clamp(max=self.error_cap)
            share = _DENSITY_SHARE if parts else 1.0
            parts.append(share * (full + self._tail(distance - full)))
        return sum(parts[1:], parts[0]).mean(dim=0)

    def _column_block(self, block: torch.Tensor) -> torch.Tensor:
        errors = self._errors(block, self._encode(block))
        beyond = (errors - self.error_cap).clamp_(min=0)
        excess = beyond.sum(dim=2, keepdim=True)
        shares = beyond / excess.clamp(min=_LEAST)
        columns = errors.clamp(max=self.error_cap) + self._tail(excess) * shares
        return columns.mean(dim=0)[:, : self.columns]

    def _encode(self, block: torch.Tensor) -> torch.Tensor:
        rows = block.expand(self._networks, -1, -1)
        for weight, bias in self._encoder[:-1]:
            rows = silu(torch.baddbmm(bias, rows, weight), inplace=True)
        weight, bias = self._encoder[-1]
        return torch.baddbmm(bias, rows, weight)

    def _errors(self, block: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared errors in their usual size, per network, row and column."""
        rows = codes
        for weight, bias in self._decoder[:-1]:
            rows = silu(torch.baddbmm(bias, rows, weight), inplace=True)
        weight, bias = self._decoder[-1]
        negative = torch.addcmul(bias, block, self._inverse, value=-1.0)
        return torch.baddbmm(negative, rows, weight).square_()

    def _tail(self, excess: torch.Tensor) -> torch.Tensor:
        """Return what the part of a row's errors beyond the cap adds.

        Without a cap, services that training did not have look as odd as attacks: ROC AUC .939
        where a quarter of NSL-KDD's benign services is kept from training, .960 with a cap of 50.
        The logarithm keeps rows apart that reach it in every column.
        """
        return (excess / self.error_cap).clamp_(min=0).log1p_()

    def _run(
        self, rows: Matrix, result: Matrix, measure: Callable[[torch.Tensor], torch.Tensor]
    ) -> None:
        starts = range(0, len(rows), self.block)

        def share(worker: int, workers: int) -> None:
            buffer = np.zeros((self.block, self._inverse.shape[2]), dtype=np.float32)
            with torch.inference_mode(), one_thread():
                for start in starts[worker::workers]:
                    part = rows[start : start + self.block]
                    clipped = buffer[: len(part), : self.columns]
                    np.clip(part, -_BOUND, _BOUND, out=clipped, casting="unsafe")
                    block = torch.from_numpy(buffer).to(self._device)
                    result[start : start + len(part)] = measure(block)[: len(part)].cpu().numpy()

        workers = min(len(starts) // 4, joblib.cpu_count(), _MOST_THREADS)
        if workers <= 1:
            share(0, 1)
            return
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(share, range(workers), itertools.repeat(workers)))

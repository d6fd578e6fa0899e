"""The network: a funnel down to a few numbers and back up, and how far a row comes back changed."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import joblib
import numpy as np
import torch
from torch import nn

from oddwire.detection.detectors.autoencoder.quiet import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_NARROWING = 4  # from one layer to the next
_BLOCK = 512  # rows at once: the layers' outputs stay in the processor's cache
_MOST_THREADS = 8


def layer_sizes(columns: int, width: int, latent_size: int) -> list[int]:
    """Return the sizes of the encoder's layers, from the input to the code.

    Each layer is a quarter as wide as the one before it, as long as it stays at least twice as
    wide as the code: 120 columns, width 128 and a code of 6 give 120, 128, 32, 6.
    """
    sizes = [columns, width]
    while sizes[-1] // _NARROWING >= 2 * latent_size:
        sizes.append(sizes[-1] // _NARROWING)
    return [*sizes, latent_size]


class Autoencoder(nn.Module):
    """An encoder and its mirror image; the code and the output are linear.

    Parameters
    ----------
    columns, width, latent_size
        Number of columns, of units in the first hidden layer, and of numbers in the code.
    generator
        Where the first weights are drawn from, so that no global random state is read or moved.
        Without one the weights stay undefined, to be loaded.
    """

    def __init__(
        self,
        columns: int,
        *,
        width: int,
        latent_size: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        sizes = layer_sizes(columns, width, latent_size)
        self.encoder = _stack(sizes)
        self.decoder = _stack(sizes[::-1])
        if generator is not None:
            for layer in self.modules():
                if isinstance(layer, nn.Linear):
                    _draw_weights(layer, generator)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the rows as they come back, of the shape of ``rows``."""
        return cast("torch.Tensor", self.decoder(self.encoder(rows)))


def _stack(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        # By way of "meta" no default weights are drawn, which would move the global random state.
        layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
        layers += [layer, nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def _draw_weights(layer: nn.Linear, generator: torch.Generator) -> None:
    """Draw as ``nn.Linear`` does by itself: uniform within 1 / sqrt(inputs)."""
    bound = 1 / math.sqrt(layer.in_features)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)


def mean_squared_errors(
    network: Autoencoder, rows: NDArray[np.float64], error_scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how badly each row comes back, blockwise, on the network's device.

    Parameters
    ----------
    network
        A network in float64.
    rows
        Rows by columns.
    error_scale
        What each column's error is divided by.

    Returns
    -------
    ndarray of shape (rows,)
        Mean over the columns of the squared, divided errors.
    """
    starts = range(0, len(rows), _BLOCK)
    errors = np.empty(len(rows))
    divisor = torch.from_numpy(error_scale).to(_device(network))

    def share(worker: int, workers: int) -> None:
        with torch.inference_mode(), one_thread():
            for start in starts[worker::workers]:
                block = torch.from_numpy(rows[start : start + _BLOCK]).to(divisor.device)
                scaled = (network(block) - block) / divisor
                errors[start : start + _BLOCK] = scaled.square().mean(dim=1).cpu().numpy()

    workers = min(len(starts) // 4, joblib.cpu_count(), _MOST_THREADS)
    if workers <= 1:
        share(0, 1)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(share, range(workers), itertools.repeat(workers)))
    return errors


def column_errors(network: Autoencoder, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column's mean squared error, of shape (columns,)."""
    total = np.zeros(rows.shape[1])
    with torch.inference_mode(), one_thread():
        for start in range(0, len(rows), _BLOCK):
            block = torch.from_numpy(rows[start : start + _BLOCK]).to(_device(network))
            total += (network(block) - block).square().sum(dim=0).cpu().numpy()
    return total / len(rows)


def _device(network: Autoencoder) -> torch.device:
    return next(network.parameters()).device

"""The network: a funnel down to a few numbers and back up, and how far a row comes back changed."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

_NARROWING = 4  # from one layer to the next


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
        # Lightning moves the network later; skipping the default weights spares the global state.
        layers += [nn.utils.skip_init(nn.Linear, inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def _draw_weights(layer: nn.Linear, generator: torch.Generator) -> None:
    """Draw as ``nn.Linear`` does by itself: uniform within 1 / sqrt(inputs)."""
    bound = 1 / math.sqrt(layer.in_features)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)

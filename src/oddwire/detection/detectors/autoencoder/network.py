"""The networks: each narrows a row down to a few numbers and widens it again."""

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
    """Encoders and their mirror images; the codes and the outputs are linear.

    The networks share nothing: they are trained and evaluated together because one product of many
    small matrices is far faster than many products.

    Parameters
    ----------
    columns, networks, width, latent_size
        Number of columns, of networks, of units in the first hidden layer, and of numbers in the
        code.
    generator
        Draws the first weights, so that no global random state is read or moved. Without one the
        weights stay undefined, to be loaded.
    """

    def __init__(
        self,
        columns: int,
        *,
        networks: int,
        width: int,
        latent_size: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.networks = networks
        sizes = layer_sizes(columns, width, latent_size)
        self.encoder = _stack(networks, sizes)
        self.decoder = _stack(networks, sizes[::-1])
        if generator is not None:
            for layer in (*self.encoder, *self.decoder):
                if isinstance(layer, ParallelLinear):
                    layer.draw_weights(generator)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the reconstructed rows, of shape (networks, rows, columns).

        Parameters
        ----------
        rows
            The same for all networks, of shape (rows, columns), or each network's own, of shape
            (networks, rows, columns).
        """
        codes = self.encoder(rows.expand(self.networks, -1, -1))
        return cast("torch.Tensor", self.decoder(codes))


class ParallelLinear(nn.Module):
    """As many linear layers as there are networks, each with its own inputs and outputs.

    Parameters
    ----------
    networks, inputs, outputs
        Shape of the weights.
    """

    def __init__(self, networks: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(networks, inputs, outputs))
        self.bias = nn.Parameter(torch.empty(networks, 1, outputs))

    def draw_weights(self, generator: torch.Generator) -> None:
        """Draw as ``nn.Linear`` does by default: uniform within 1 / sqrt(inputs)."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        with torch.no_grad():
            self.weight.uniform_(-bound, bound, generator=generator)
            self.bias.uniform_(-bound, bound, generator=generator)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Map rows of shape (networks, rows, inputs)."""
        return torch.baddbmm(self.bias, rows, self.weight)


def _stack(networks: int, sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [ParallelLinear(networks, inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])

"""How one column of numbers is mapped to a comparable range, with figures of the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

TRANSFORMS = ("standard", "log_standard", "quantile_uniform", "quantile_normal")

LIMIT = 20.0  # one absurd value must not drown all other columns
_KNOTS = 1001
_QUANTILE_ROWS = 100_000  # quantiles of more rows would move by less than the next knot
_MAGNITUDE = 1e100  # larger numbers would overflow when squared
_NOTHING = 1e-100  # differences of smaller numbers would overflow when divided by
_ROUNDING = 1e-12  # a spread below this share of the largest value is rounding


@dataclass(frozen=True)
class Scaling:
    """The map of one column.

    Parameters
    ----------
    transform
        One of `TRANSFORMS`.
    center, scale
        Mean and standard deviation, of the signed logarithm but for ``standard``.
    knots, heights
        Points of the piecewise linear map, the same logarithm; none for a straight line.
    """

    transform: str
    center: float
    scale: float
    knots: Vector
    heights: Vector

    @property
    def slope(self) -> float:
        """Rise per training standard deviation beyond the outermost knots.

        One for the normal distribution's quantiles; for ranks the standard deviation of evenly
        spread ones, so that a step outside counts as much as a typical one inside.
        """
        return 12**-0.5 if self.transform == "quantile_uniform" else 1.0

    def apply(self, column: Vector) -> Vector:
        """Map finite numbers, and clip to ±`LIMIT`."""
        bent = _bend(column, self.transform)
        if not self.knots.size:
            return np.clip((bent - self.center) / self.scale, -LIMIT, LIMIT)
        inside = np.interp(bent, self.knots, self.heights)
        beyond = bent - np.clip(bent, self.knots[0], self.knots[-1])
        beyond *= self.slope / self.scale
        return np.clip(inside + beyond, -LIMIT, LIMIT)


def fit_scaling(finite: Vector, transform: str) -> Scaling:
    """Learn the map of one column.

    Parameters
    ----------
    finite
        Its finite training values, at least one.
    transform
        One of `TRANSFORMS`.
    """
    bent = _bend(finite, transform)
    center, scale = float(bent.mean()), float(bent.std())
    if scale <= _ROUNDING * float(np.abs(bent).max()):
        # A constant: 0 in training, and a departure from it counts in its own units.
        return Scaling(transform, float(bent[0]), 1.0, np.empty(0), np.empty(0))
    if not transform.startswith("quantile"):
        return Scaling(transform, center, scale, np.empty(0), np.empty(0))
    knots, ranks = _ranks(bent)
    heights = ranks - 0.5 if transform == "quantile_uniform" else ndtri(ranks)
    return Scaling(transform, center, scale, knots, heights)


def _bend(column: Vector, transform: str) -> Vector:
    column = np.clip(column, -_MAGNITUDE, _MAGNITUDE)
    column[np.abs(column) < _NOTHING] = 0.0
    return column if transform == "standard" else np.copysign(np.log1p(np.abs(column)), column)


def _ranks(values: Vector) -> tuple[Vector, Vector]:
    """Return distinct quantiles, the ends among them, and their mean rank as a share of rows."""
    ends = values.min(), values.max()
    if values.size > _QUANTILE_ROWS:
        values = np.random.default_rng(0).choice(values, _QUANTILE_ROWS, replace=False)
    ordered = np.sort(values)
    places = np.linspace(0, ordered.size - 1, _KNOTS).round().astype(np.int64)
    knots = np.unique([*ends, *ordered[places]])
    below = np.searchsorted(ordered, knots, side="left")
    above = np.searchsorted(ordered, knots, side="right")
    # Half a row of room at each end keeps the normal distribution's quantile finite.
    return knots, np.clip((below + above) / 2, 0.5, ordered.size - 0.5) / ordered.size

"""How one column of numbers is scaled, with figures of the training rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oddwire.detection.arrays import Matrix, Places, Vector

TRANSFORMS = ("standard", "log_standard", "quantile_uniform", "quantile_normal")

LIMIT = 20.0  # one extreme value must not drown all other columns
FAR, _FAR_SLOPE = 3.0, 0.5
_KNOTS, _GROUP_KNOTS = 1001, 101
_QUANTILE_ROWS = 100_000  # quantiles of more rows would move by less than the next knot
MAGNITUDE = 1e100  # larger numbers would overflow when squared
NOTHING = 1e-100  # differences of smaller numbers would overflow when divided by
# Of a group, as a share of all rows' spread. Much is constant within a group; divided by next to
# nothing, the smallest change of benign traffic would look like an attack.
_LEAST_SPREAD = 0.5
_ROUNDING = 1e-12  # a spread below this share of the largest value is rounding


@dataclass(frozen=True)
class Scaling:
    """The scaling of one column.

    Parameters
    ----------
    transform
        One of `TRANSFORMS`.
    center, scale
        Mean and standard deviation, of the signed logarithm except for ``standard``.
    knots, heights
        Points of the piecewise linear scaling; none for a straight line.
    """

    transform: str
    center: float
    scale: float
    knots: Vector
    heights: Vector


def fit_scaling(finite: Vector, transform: str) -> Scaling:
    """Learn the scaling of one column.

    Parameters
    ----------
    finite
        Its finite training values, at least one.
    transform
        One of `TRANSFORMS`.
    """
    bent = _bend(finite, transform)
    center, scale = _middle(bent)
    if not scale:
        # A constant: 0 in training, and a departure from it counts in its own unit.
        return Scaling(transform, center, 1.0, np.empty(0), np.empty(0))
    if not transform.startswith("quantile"):
        return Scaling(transform, center, scale, np.empty(0), np.empty(0))
    return Scaling(transform, center, scale, *_curve(bent, transform, _KNOTS))


def fit_group_scaling(finite: Vector, overall: Scaling, weight: float) -> Scaling:
    """Learn the scaling of one column within one group.

    Parameters
    ----------
    finite
        The group's finite training values, at least one.
    overall
        The column's scaling among all rows.
    weight
        Weight of the group's own spread, from 0 to 1; the rest is the spread of all rows.
    """
    if overall.transform.startswith("quantile") and not overall.knots.size:
        return overall  # a constant
    bent = _bend(finite, overall.transform)
    center, own = _middle(bent)
    spread = weight * (own / overall.scale) ** 2 + (1 - weight) + _LEAST_SPREAD**2
    scale = float(overall.scale * math.sqrt(spread))
    if not overall.knots.size:
        return Scaling(overall.transform, center, scale, np.empty(0), np.empty(0))
    curve = _curve(bent, overall.transform, _GROUP_KNOTS)
    return Scaling(overall.transform, center, scale, *curve)


def tamed(values: Vector) -> Vector:
    """Return values that from ±3 on grow with their logarithm.

    How extreme a value is within a group is known from few rows, and benign traffic that changes
    would be the most anomalous of all.
    """
    far = np.maximum(np.abs(values) - FAR, 0.0)
    return np.copysign(np.minimum(np.abs(values), FAR) + _FAR_SLOPE * np.log1p(far), values)


def _middle(bent: Vector) -> tuple[float, float]:
    """Return mean and standard deviation; of a constant itself and 0, without rounding."""
    center, scale = float(bent.mean()), float(bent.std())
    if scale <= _ROUNDING * float(np.abs(bent).max()):
        return float(bent[0]), 0.0
    return center, scale


def _curve(bent: Vector, transform: str, most: int) -> tuple[Vector, Vector]:
    knots, ranks = _ranks(bent, most)
    return knots, ranks - 0.5 if transform == "quantile_uniform" else ndtri(ranks)


def _bend(column: Vector, transform: str) -> Vector:
    column = np.clip(column, -MAGNITUDE, MAGNITUDE)
    column[np.abs(column) < NOTHING] = 0.0
    return column if transform == "standard" else np.copysign(np.log1p(np.abs(column)), column)


def _ranks(values: Vector, most: int) -> tuple[Vector, Vector]:
    """Return distinct quantiles, the ends among them, and their mean rank as a share of rows."""
    ends = values.min(), values.max()
    if values.size > _QUANTILE_ROWS:
        values = np.random.default_rng(0).choice(values, _QUANTILE_ROWS, replace=False)
    ordered = np.sort(values)
    places = np.linspace(0, ordered.size - 1, most).round().astype(np.int64)
    knots = np.unique([*ends, *ordered[places]])
    below = np.searchsorted(ordered, knots, side="left")
    above = np.searchsorted(ordered, knots, side="right")
    # Half a row of room at each end keeps the normal distribution's quantile finite.
    return knots, np.clip((below + above) / 2, 0.5, ordered.size - 0.5) / ordered.size


class PackedScalings(NamedTuple):
    """Many scalings as three plain arrays, which are quick to save and to load.

    Parameters
    ----------
    lines
        Center and scale of each, shape (scalings, 2).
    knots
        Knots and heights of all, one after the other, shape (2, n).
    ends
        Where each one's knots begin, and the last one's end, shape (scalings + 1,).
    """

    lines: Matrix
    knots: Matrix
    ends: Places

    @classmethod
    def of(cls, scalings: Sequence[Scaling]) -> Self:
        """Pack scalings one after the other."""
        lines = [(scaling.center, scaling.scale) for scaling in scalings]
        knots = [np.stack([scaling.knots, scaling.heights]) for scaling in scalings]
        return cls(
            np.asarray(lines, dtype=np.float64).reshape(-1, 2),
            np.concatenate([np.empty((2, 0)), *knots], axis=1),
            np.cumsum([0, *(pair.shape[1] for pair in knots)], dtype=np.int64),
        )

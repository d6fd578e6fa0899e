"""How far scores lie beyond the largest one seen: a generalised-Pareto tail."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_TAIL_SHARE = 0.05  # of the calibration scores lie in the tail that is fitted
_TAIL_ROWS = 50  # at least, where there are twice as many
_TAIL_DISTINCT = 8  # different scores, or else nothing is extrapolated
_LARGEST_SHAPE = 0.9  # at 1 the mean of the tail is infinite
_FARTHEST = 1e300


@dataclass(frozen=True)
class Tail:
    """A generalised-Pareto distribution of how far scores lie beyond the largest calibration score.

    Parameters
    ----------
    shape
        Above 0, and near it for an exponential tail. Below 0 there would be a largest possible
        score, and p-values of 0 right behind the largest one seen.
    scale
        In the scores' unit, at the largest calibration score.
    rows
        Calibration scores that it was fitted to.
    """

    shape: float
    scale: float
    rows: int

    def excess(self, survival: FloatArray) -> FloatArray:
        """Return the distance beyond which the given shares of the tail lie."""
        exponent = -np.log(survival)
        return self.scale * np.expm1(self.shape * exponent) / self.shape

    def surprisal(self, excess: FloatArray) -> FloatArray:
        """Return -log of the share of the tail that lies beyond the given distances: finite."""
        in_scales = np.minimum(excess * (self.shape / self.scale), _FARTHEST)
        return np.log1p(in_scales) / self.shape


def fit_tail(ordered: FloatArray) -> Tail | None:
    """Fit a generalised-Pareto tail to the largest scores by probability-weighted moments.

    Hosking & Wallis 1987, *Parameter and quantile estimation for the generalized Pareto
    distribution*: unlike maximum likelihood it always has a solution, and is the better one for
    small samples. The tail starts at the 95th percentile, or lower where too few different
    scores lie above it.

    Parameters
    ----------
    ordered
        Finite scores in ascending order, shape (n,).

    Returns
    -------
    Tail or None
        ``None`` if fewer than eight different scores lie in the upper half.
    """
    found = _largest(ordered)
    return None if found is None else _cautious_tail(*found)


def tail_quantile(ordered: FloatArray, target_fpr: float) -> tuple[float, int] | None:
    """Return the score that benign ones exceed at a given rate, by the tail's distribution.

    Counting takes a quantile from one score; here all of the tail's take part:

        z = t + scale / shape ((target_fpr n / n_t)^-shape - 1)

    with n_t of n scores above t (Siffer et al. 2017, equation 1). Unlike in `fit_tail` the shape is
    the estimate itself, since one that is cautious at the end of the tail is not so within it.

    Parameters
    ----------
    ordered
        Finite scores in ascending order, shape (n,).
    target_fpr
        The rate, in (0, 1).

    Returns
    -------
    tuple of float and int, or None
        The score, and how many scores it comes from. ``None`` where no tail can be fitted, or the
        score would not lie in it.
    """
    found = _largest(ordered)
    if found is None:
        return None
    above, start = found
    survival = target_fpr * ordered.size / above.size
    if survival >= 1:
        return None
    shape, mean = _moments(above - start)
    # At -1 all scores up to the last are alike; below, the largest would be the most frequent.
    shape = min(max(shape, -1.0), _LARGEST_SHAPE)
    exponent = -math.log(survival)
    steep = math.expm1(shape * exponent) / shape if shape else exponent
    score = start + mean * (1 - shape) * steep
    return (float(score), int(above.size)) if math.isfinite(score) else None


def _largest(ordered: FloatArray) -> tuple[FloatArray, float] | None:
    """Return the scores in the tail, and where it starts."""
    n = ordered.size
    rows = max(math.ceil(n * _TAIL_SHARE), min(_TAIL_ROWS, n // 2), 1)
    while rows <= n // 2:
        start = ordered[n - rows - 1]
        above = ordered[np.searchsorted(ordered, start, side="right") :]
        if np.unique(above).size >= _TAIL_DISTINCT:
            return above, float(start)
        # Ties thin the tail out: take more rows, and at the end exactly half of them.
        rows = min(rows * 2, n // 2) if rows < n // 2 else n
    return None


def _moments(excess: FloatArray) -> tuple[float, float]:
    """Estimate the shape, and return it with the mean excess."""
    with np.errstate(over="ignore", invalid="ignore"):
        rank = (np.arange(1, excess.size + 1) - 0.35) / excess.size
        mean, weighted = float(excess.mean()), float(((1 - rank) * excess).mean())
        denominator = mean - 2 * weighted
        return (2 - mean / denominator if denominator > 0 else 0.0), mean


def _cautious_tail(above: FloatArray, start: float) -> Tail | None:
    with np.errstate(over="ignore", invalid="ignore"):
        excess = above - start
        shape, mean = _moments(excess)
        # Too light a tail raises more alerts than asked for, so the shape is taken one standard
        # error (Hosking & Wallis 1987, of the likelihood estimate) above the estimate.
        shape = max(shape, 0.0)
        shape = min(shape + (1 + shape) / math.sqrt(excess.size), _LARGEST_SHAPE)
        scale = mean * (1 - shape) + shape * float(excess[-1])
    if not (math.isfinite(scale) and scale > 0):
        return None
    return Tail(shape, scale, int(excess.size))

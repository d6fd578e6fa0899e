"""Anomaly scores of detectors with different scales → one currency that can be averaged.

The surprisal of a score is -log(p), where p is the share of benign rows that score as high: 0 for
the least odd of them, 2.3 for one in ten, 4.6 for one in a hundred. Beyond all benign rows p goes
on by the tail of a generalised Pareto distribution. From 6 on, p = 1 in 400, surprisal grows
with its logarithm: a detector that is sure counts as one that is sure, and can hardly outvote the
others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.detection.calibration.tail import FloatArray, ascending, fit_tail
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

_SURE = 6.0
_FARTHEST = 1e300  # scale units; keeps the surprisal finite
_POINTS = 2001  # of more, neighbours would differ by less than chance


@dataclass(frozen=True, eq=False)
class Surprisal:
    """A rising curve from a detector's anomaly score to its surprisal.

    Parameters
    ----------
    points
        Scores of benign rows, strictly ascending, shape (n,).
    heights
        The surprisal at each, shape (n,).
    top
        -log(p) at the last point.
    shape, scale
        Of the generalised-Pareto tail by which p falls beyond the last point.
    """

    points: FloatArray
    heights: FloatArray
    top: float
    shape: float
    scale: float

    @classmethod
    def fit(cls, scores: ArrayLike) -> Surprisal:
        """Learn the curve.

        Parameters
        ----------
        scores
            Anomaly scores, higher is worse, shape (n,), n ≥ 1, of rows that the detector was not
            fitted to.

        Raises
        ------
        DataError
            If there is no score.
        ModelError
            If a score is missing or infinite: the detector that gave it is broken.
        """
        ordered = ascending(scores, "surprisal")
        points, counts = np.unique(ordered, return_counts=True)
        # Ties count half: the curve runs through the middle of its steps.
        at_least = ordered.size - np.cumsum(counts) + counts / 2
        rarity = -np.log((at_least + 0.5) / (ordered.size + 1))
        kept = np.unique(np.linspace(0, points.size - 1, _POINTS).round().astype(np.int64))
        tail = fit_tail(ordered)
        shape, scale = (tail.shape, tail.scale) if tail else (1.0, _spread(ordered))
        return cls(points[kept], _height(rarity[kept]), float(rarity[-1]), shape, scale)

    def of(self, scores: ArrayLike) -> FloatArray:
        """Return the surprisal of anomaly scores: finite, shape (m,), never falling with the score.

        Parameters
        ----------
        scores
            Anomaly scores, shape (m,).
        """
        values = np.asarray(scores, dtype=np.float64)
        found = np.interp(values, self.points, self.heights)
        beyond = values > self.points[-1]
        with np.errstate(over="ignore"):
            excess = (values[beyond] - self.points[-1]) * (self.shape / self.scale)
        rarity = self.top + np.log1p(np.minimum(excess, _FARTHEST)) / self.shape
        found[beyond] = np.maximum(_height(rarity), self.heights[-1])
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; `points` and `heights` are kept beside it as an array."""
        return {"top": self.top, "shape": self.shape, "scale": self.scale}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], curve: FloatArray) -> Surprisal:
        """Put together what `to_dict` and an array of shape (2, n) keep.

        Raises
        ------
        ModelError
            If it is no rising curve.
        """
        top, shape, scale = (float(content[name]) for name in ("top", "shape", "scale"))
        sound = curve.shape == (2, curve.size // 2) and curve.size and np.isfinite(curve).all()
        if not (sound and (np.diff(curve) > 0).all() and min(top, shape, scale) > 0):
            raise ModelError("a member's surprisal must be a rising curve with a tail")
        return cls(curve[0], curve[1], top, shape, scale)


def _height(rarity: FloatArray) -> FloatArray:
    """Return the surprisal of -log(p)."""
    return np.minimum(rarity, _SURE) + np.log1p(np.maximum(rarity - _SURE, 0.0))


def _spread(ordered: FloatArray) -> float:
    """Return a unit for distances beyond scores that are too few or too equal for a tail."""
    spread = float(ordered.std())
    return spread if spread > 0 else max(abs(float(ordered[-1])), 1.0)

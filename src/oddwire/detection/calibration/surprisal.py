"""Anomaly scores of detectors with different scales → one unit in which they can be averaged.

The surprisal of a score is -log(p) of its conformal p-value: 0 for the most ordinary benign rows,
2.3 for one row in ten, 4.6 for one in a hundred. From 6 (p = 1 in 400) it grows with its logarithm
only: a detector that is certain counts as one, and can hardly outvote the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.tail import FloatArray, Tail

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_CERTAIN = 6.0
_POINTS = 2001  # of more, neighbours would differ by less than chance


@dataclass(frozen=True, eq=False)
class Surprisal:
    """Turns a detector's anomaly scores into surprisal.

    A p-value falls in steps, and has a floor. To rank rows, surprisal takes the mid-p-value, in
    which ties count half (Lancaster 1961, *Significance tests in discrete distributions*), and is
    linear between scores; beyond the largest it follows the calibration's tail without a floor.
    Where no tail could be fitted, it takes a heavy one.

    Parameters
    ----------
    calibration
        Of the detector, on rows that it was not fitted to.

    Examples
    --------
    >>> surprisal = Surprisal.fit(range(1000))
    >>> surprisal.of([0, 500, 900, 990]).round(1)
    array([0. , 0.7, 2.3, 4.6])
    """

    calibration: ConformalCalibration

    @classmethod
    def fit(cls, scores: ArrayLike) -> Surprisal:
        """Calibrate on anomaly scores; see `ConformalCalibration.fit`."""
        return cls(ConformalCalibration.fit(scores))

    def of(self, scores: ArrayLike) -> FloatArray:
        """Return the surprisal of anomaly scores, which never falls with the score.

        Parameters
        ----------
        scores
            Anomaly scores, shape (m,).

        Returns
        -------
        float64, shape (m,)
            From 0, finite.
        """
        points, rarity = self._curve
        values = np.asarray(scores, dtype=np.float64)
        found = np.interp(values, points, _bent(rarity))
        beyond = values > points[-1]
        with np.errstate(over="ignore"):
            excess = values[beyond] - points[-1]
            found[beyond] = _bent(rarity[-1] + self._tail.surprisal(excess))
        return found

    @cached_property
    def _curve(self) -> tuple[FloatArray, FloatArray]:
        """Calibration scores, strictly ascending, and -log(p) at each."""
        points, counts = np.unique(self.calibration.scores, return_counts=True)
        n = self.calibration.scores.size
        mid_p = (n - np.cumsum(counts) + counts / 2 + 0.5) / (n + 1)
        kept = np.unique(np.linspace(0, points.size - 1, _POINTS).round().astype(np.int64))
        return points[kept], -np.log(mid_p[kept])

    @property
    def _tail(self) -> Tail:
        scores = self.calibration.scores
        if self.calibration.tail is not None:
            return self.calibration.tail
        spread = float(scores.std())
        return Tail(1.0, spread if spread > 0 else max(abs(float(scores[-1])), 1.0), scores.size)


def _bent(rarity: FloatArray) -> FloatArray:
    """Return the surprisal of -log(p)."""
    return np.minimum(rarity, _CERTAIN) + np.log1p(np.maximum(rarity - _CERTAIN, 0.0))

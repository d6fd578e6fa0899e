"""Anomaly scores → conformal p-values → the threshold for a false-positive rate.

Held-out benign connections give every score its meaning: the p-value is the share of them that
score at least as high. It is valid for any detector, because a new benign connection is
exchangeable with the held-out ones (Bates, Candès, Lei, Romano & Sesia 2023, *Testing for outliers
with conformal p-values*, Annals of Statistics 51).

Counting cannot say less than 1 / (n + 1). Beyond the largest held-out score a generalised-Pareto
tail goes on from there (peaks over threshold: Pickands 1975; for anomaly scores Siffer, Fouque,
Termier & Largouet 2017, *Anomaly detection in streams with extreme value theory*), and such
p-values are marked as extrapolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.detection.calibration.tail import FloatArray, Tail, fit_tail
from oddwire.errors import DataError, ModelError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

# No number of connections that anyone will see supports a claim rarer than one in 10¹².
SMALLEST_P = 1e-12

_STEPS_PER_DECADE = 100


@dataclass(frozen=True, eq=False)
class ConformalCalibration:
    """Benign anomaly scores, and what they say about any other score.

    Made by `fit`; `from_dict` restores a saved one.

    Parameters
    ----------
    scores
        The calibration scores in ascending order, float64 of shape (n,), finite.
    tail
        The distribution beyond the largest of them; ``None`` where there is too little to fit one,
        and then no finite score has a p-value below 1 / (n + 1).

    Examples
    --------
    >>> calibration = ConformalCalibration.fit(range(99))
    >>> p, extrapolated = calibration.p_values([0, 89.5, 98, 150])
    >>> p.round(3)
    array([1.   , 0.1  , 0.02 , 0.002])
    >>> extrapolated
    array([False, False, False,  True])
    >>> threshold = calibration.threshold(0.1)
    >>> 89 < threshold <= 89.5
    True
    """

    scores: FloatArray
    tail: Tail | None

    @classmethod
    def fit(cls, scores: ArrayLike) -> ConformalCalibration:
        """Calibrate on the anomaly scores of held-out benign connections.

        Parameters
        ----------
        scores
            Anomaly scores, higher = more anomalous, shape (n,), n ≥ 1, from rows that the detector
            was not fitted to.

        Raises
        ------
        DataError
            If there is no score.
        ModelError
            If a score is missing or infinite: the detector that gave it is broken.
        """
        ordered = np.sort(np.asarray(scores, dtype=np.float64).ravel())
        if ordered.size == 0:
            raise DataError("calibration needs at least one benign row, got none")
        if not np.isfinite(ordered).all():
            broken = ordered[~np.isfinite(ordered)][0]
            raise ModelError(f"calibration needs scores that are finite numbers, got {broken}")
        ordered.setflags(write=False)
        return cls(ordered, fit_tail(ordered))

    def p_values(self, scores: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the share of benign connections that score at least as high.

        Within the calibration scores p = (1 + #{calibration scores ≥ s}) / (n + 1); beyond them
        the tail goes on continuously from 1 / (n + 1), never below `SMALLEST_P`. p never
        increases with the score. A score of +inf has `SMALLEST_P`.

        Parameters
        ----------
        scores
            Anomaly scores, shape (m,).

        Returns
        -------
        p : float64, shape (m,)
            In (0, 1].
        extrapolated : bool, shape (m,)
            True where p < 1 / (n + 1), which comes from the tail and not from counting.

        Raises
        ------
        ModelError
            If a score is NaN.
        """
        values = numbers(scores)
        n = self.scores.size
        at_least = n - np.searchsorted(self.scores, values, side="left")
        p = (1 + at_least) / (n + 1)
        beyond = values > self.scores[-1]
        p[beyond] = self._beyond(values[beyond])
        return p, p < 1 / (n + 1)

    def threshold(self, alert_p_value: float) -> float:
        """Return the smallest score that is an alert.

        A score reaches the threshold exactly where its p-value is at most ``alert_p_value``.

        Parameters
        ----------
        alert_p_value
            P-value at or below which a connection is an alert, and so the rate at which benign
            connections raise one; from `SMALLEST_P` to below 1.

        Returns
        -------
        float
            +inf where nothing but an infinite score is that rare: ``alert_p_value`` is below
            1 / (n + 1) and no tail could be fitted.

        Raises
        ------
        ParameterError
            If ``alert_p_value`` is out of range.
        """
        if not SMALLEST_P <= alert_p_value < 1:
            raise ParameterError(
                f"alert_p_value must be from {SMALLEST_P:g} to below 1, got {alert_p_value!r}"
            )
        n = self.scores.size
        if alert_p_value < 1 / (n + 1):
            return self._threshold_beyond(alert_p_value)
        allowed = min(math.floor(alert_p_value * (n + 1)), n) - 1
        # The product may be rounded to the wrong side of a whole number; the quotient decides,
        # because it is what p_values computes.
        while (2 + allowed) / (n + 1) <= alert_p_value:
            allowed += 1
        while (1 + allowed) / (n + 1) > alert_p_value:
            allowed -= 1
        return math.nextafter(self.scores[n - allowed - 1], math.inf)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; `scores` is saved beside it as an array."""
        tail = self.tail
        return {
            "rows": int(self.scores.size),
            "tail": tail and {"shape": tail.shape, "scale": tail.scale, "rows": tail.rows},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], scores: FloatArray) -> ConformalCalibration:
        """Restore what `to_dict` and `scores` hold.

        Raises
        ------
        ModelError
            If the two do not belong together, the scores are not ascending finite numbers, or the
            tail's shape and scale not finite numbers above 0.
        """
        sound = scores.dtype == np.float64 and scores.shape == (content["rows"],)
        if not (sound and scores.size and np.isfinite(scores).all()):
            raise ModelError(f"calibration scores must be {content['rows']} finite numbers")
        if (np.diff(scores) < 0).any():
            raise ModelError("calibration scores must be in ascending order")
        saved = content["tail"]
        if saved is None:
            return cls(scores, None)
        tail = Tail(float(saved["shape"]), float(saved["scale"]), int(saved["rows"]))
        if not (0 < tail.shape < math.inf and 0 < tail.scale < math.inf):
            raise ModelError("a calibration's tail must have a finite shape and scale above 0")
        return cls(scores, tail)

    @cached_property
    def _curve(self) -> tuple[FloatArray, FloatArray]:
        """Points (score, p) of the tail, scores strictly ascending from the largest one.

        Between them p is a straight line, which lies above the convex tail. Unlike exp and log,
        whose last bit depends on the processor, this cannot rise with the score even by a bit,
        and so a threshold is exact.
        """
        first = 1 / (self.scores.size + 1)
        if self.tail is None:
            return self.scores[-1:], np.array([first])
        steps = math.ceil(math.log10(first / SMALLEST_P) * _STEPS_PER_DECADE) + 1
        p = np.geomspace(first, SMALLEST_P, steps)
        with np.errstate(over="ignore"):
            points = self.scores[-1] + self.tail.excess(p / first)
        finite = np.isfinite(points)
        # Where neighbours are one number in float64, the larger p is kept.
        points, kept = np.unique(np.maximum.accumulate(points[finite]), return_index=True)
        return points, p[finite][kept]

    def _beyond(self, values: FloatArray) -> FloatArray:
        points, p = self._curve
        left = np.minimum(np.searchsorted(points, values, side="right") - 1, points.size - 1)
        right = np.minimum(left + 1, points.size - 1)
        gap = np.where(right > left, points[right] - points[left], 1.0)
        with np.errstate(over="ignore"):
            way = np.where(right > left, (values - points[left]) / gap, 0.0)
        inside = np.clip(p[left] - way * (p[left] - p[right]), p[right], p[left])
        return np.where(np.isposinf(values), SMALLEST_P, inside)

    def _threshold_beyond(self, alert_p_value: float) -> float:
        """Halve the float64 numbers between two points of the tail until one is left."""
        points, p = self._curve
        at = int(np.searchsorted(-p, -alert_p_value, side="left"))
        if at == p.size:
            return math.inf
        low, high = float(points[at - 1]), float(points[at])  # p(high) ≤ alert_p_value < p(low)
        while True:
            middle = low + (high - low) / 2
            if not low < middle < high:
                return high
            if self._beyond(np.array([middle]))[0] <= alert_p_value:
                high = middle
            else:
                low = middle


def numbers(scores: ArrayLike) -> FloatArray:
    """Return anomaly scores as float64 of shape (m,).

    Raises
    ------
    ModelError
        If a score is NaN.
    """
    values = np.asarray(scores, dtype=np.float64).ravel()
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise ModelError(f"an anomaly score must be a number, got NaN in row {row}")
    return values

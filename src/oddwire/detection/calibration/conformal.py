"""Anomaly scores → conformal p-values → a threshold for a false-alarm budget.

Held-out benign connections give every score its meaning: the p-value is the share of them that
look at least this unusual. It is valid for any detector, because a new benign connection is
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

from oddwire.detection.calibration.tail import FloatArray, Tail, ascending, fit_tail
from oddwire.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

# No number of connections that anyone will see supports a claim rarer than one in 10¹².
SMALLEST_P = 1e-12

_STEPS_PER_DECADE = 100


@dataclass(frozen=True, eq=False)
class ConformalCalibration:
    """What benign scores look like, and how unusual any score is beside them.

    Made by `fit`; the constructor puts a saved one together again.

    Parameters
    ----------
    scores
        The calibration scores in ascending order, float64 of shape (n,), finite.
    tail
        The law beyond the largest of them; ``None`` where there is too little to fit one, and
        then no finite score has a p-value below 1 / (n + 1).
    """

    scores: FloatArray
    tail: Tail | None

    @classmethod
    def fit(cls, scores: ArrayLike) -> ConformalCalibration:
        """Calibrate on the anomaly scores of held-out benign connections.

        Parameters
        ----------
        scores
            Anomaly scores, higher is worse, shape (n,), n ≥ 1, from rows that the detector was
            not fitted to.

        Raises
        ------
        DataError
            If there is no score.
        ModelError
            If a score is missing or infinite: the detector that gave it is broken.
        """
        ordered = ascending(scores, "calibration")
        ordered.setflags(write=False)
        return cls(ordered, fit_tail(ordered))

    def p_values(self, scores: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return how rare scores at least this high are among benign connections.

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
        values = np.asarray(scores, dtype=np.float64).ravel()
        if np.isnan(values).any():
            row = int(np.flatnonzero(np.isnan(values))[0])
            raise ModelError(f"an anomaly score must be a number, got NaN in row {row}")
        n = self.scores.size
        at_least = n - np.searchsorted(self.scores, values, side="left")
        p = (1 + at_least) / (n + 1)
        beyond = values > self.scores[-1]
        p[beyond] = self._beyond(values[beyond])
        return p, p < 1 / (n + 1)

    def threshold(self, target_fpr: float) -> float:
        """Return the smallest score that counts as an alert.

        ``score >= threshold(target_fpr)`` holds exactly where the p-value is at most ``target_fpr``.

        Parameters
        ----------
        target_fpr
            Share of benign connections that may raise an alert, from `SMALLEST_P` to below 1.

        Returns
        -------
        float
            +inf where nothing but an infinite score is that rare: ``target_fpr`` is below
            1 / (n + 1) and no tail could be fitted.

        Raises
        ------
        ParameterError
            If ``target_fpr`` is out of range.
        """
        if not SMALLEST_P <= target_fpr < 1:
            raise ParameterError(
                f"target_fpr must be from {SMALLEST_P:g} to below 1, got {target_fpr!r}"
            )
        n = self.scores.size
        if target_fpr < 1 / (n + 1):
            return self._threshold_beyond(target_fpr)
        allowed = min(math.floor(target_fpr * (n + 1)), n) - 1
        # The product may be rounded to the wrong side of a whole number; the quotient decides,
        # because it is what p_values computes.
        while (2 + allowed) / (n + 1) <= target_fpr:
            allowed += 1
        while (1 + allowed) / (n + 1) > target_fpr:
            allowed -= 1
        return math.nextafter(self.scores[n - allowed - 1], math.inf)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; `scores` is kept beside it as an array."""
        tail = self.tail
        return {
            "rows": int(self.scores.size),
            "tail": tail and {"shape": tail.shape, "scale": tail.scale, "rows": tail.rows},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], scores: FloatArray) -> ConformalCalibration:
        """Put together what `to_dict` and `scores` keep.

        Raises
        ------
        ModelError
            If the two do not belong together, or the scores are not ascending finite numbers.
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

    def _threshold_beyond(self, target_fpr: float) -> float:
        """Halve the float64 numbers between two points of the tail until one is left."""
        points, p = self._curve
        at = int(np.searchsorted(-p, -target_fpr, side="left"))
        if at == p.size:
            return math.inf
        low, high = float(points[at - 1]), float(points[at])  # p(high) ≤ target_fpr < p(low)
        while True:
            middle = low + (high - low) / 2
            if not low < middle < high:
                return high
            if self._beyond(np.array([middle]))[0] <= target_fpr:
                high = middle
            else:
                low = middle


def target_fpr_for(alerts_per_day: float, connections_per_day: float) -> float:
    """Turn a budget of alerts into the false-positive rate that keeps to it.

    Parameters
    ----------
    alerts_per_day
        False alarms that people can look at, above 0.
    connections_per_day
        Connections that are scored, above ``alerts_per_day``.

    Raises
    ------
    ParameterError
        If a number is not finite and above 0, or their ratio is no rate that can be kept.
    """
    for name, value in (
        ("alerts_per_day", alerts_per_day),
        ("connections_per_day", connections_per_day),
    ):
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(f"{name} must be a finite number above 0, got {value!r}")
    target_fpr = alerts_per_day / connections_per_day
    if target_fpr >= 1:
        raise ParameterError(
            f"alerts_per_day must be below the {connections_per_day:g} connections per day, "
            f"got {alerts_per_day:g}"
        )
    if target_fpr < SMALLEST_P:
        raise ParameterError(
            f"alerts_per_day must be at least {SMALLEST_P:g} of the {connections_per_day:g} "
            f"connections per day, got {alerts_per_day:g}"
        )
    return target_fpr

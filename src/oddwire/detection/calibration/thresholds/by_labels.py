"""A threshold read off labelled validation rows; it has no target of false alarms.

All attacks before the test lie in validation, so their share is far above that of any traffic;
precision and F1 grow with that share, and such a threshold lets many false alarms pass.
``attack_share`` weights the rows as if attacks had a share that is expected. Both are estimates
from the attacks at hand: attacks of other kinds may be found less often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from oddwire.detection.calibration.tail import FloatArray
from oddwire.detection.calibration.thresholds.chosen import ChosenThreshold
from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from oddwire.detection.calibration.conformal import ConformalCalibration


def by_best_f1(
    calibration: ConformalCalibration,
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    attack_share: float | None = None,
) -> ChosenThreshold:
    """Set the threshold where F1 is highest on labelled rows.

    Parameters
    ----------
    calibration
        Of the model.
    labels
        1 attack, 0 benign, NaN unknown, shape (n,); from validation, never from test.
    scores
        Anomaly scores, shape (n,).
    attack_share
        Share of attacks to weight the rows to, in (0, 1); None leaves them as they are.

    Raises
    ------
    ParameterError
        If there is no attack or no benign row.
    """
    curve = _precision_curve("best_f1", calibration, labels, scores, attack_share)
    f1 = 2 * curve.precision * curve.recall / np.maximum(curve.precision + curve.recall, 1e-300)
    best = int(np.argmax(f1))  # the first: of equals, the one with the fewest alerts
    return curve.choose("best_f1", best, {"f1": float(f1[best])})


def by_precision(
    calibration: ConformalCalibration,
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    min_precision: float,
    attack_share: float | None = None,
) -> ChosenThreshold:
    """Set the threshold as low as a least precision on labelled rows allows.

    Parameters
    ----------
    calibration, labels, scores, attack_share
        As of `by_best_f1`.
    min_precision
        Share of the alerts that must be attacks, in (0, 1).

    Raises
    ------
    ParameterError
        If there is no attack or no benign row, or no threshold reaches the precision.
    """
    curve = _precision_curve("precision", calibration, labels, scores, attack_share)
    reached = np.flatnonzero(curve.precision >= min_precision)
    if not reached.size:
        raise ParameterError(
            f"alerts.min_precision must be one that a threshold reaches on validation, at most "
            f"{curve.precision.max():.4g}, got {min_precision:g}"
        )
    return curve.choose("precision", int(reached[-1]), {"min_precision": min_precision})


def check_classes(rule: str, *, attacks: int, benign: int) -> None:
    """Refuse labelled rows of one class.

    Raises
    ------
    ParameterError
        If there is no attack or no benign row.
    """
    if not (attacks and benign):
        raise ParameterError(
            f"alerts.rule {rule} needs attacks and benign rows in validation, got {attacks} "
            f"attacks and {benign} benign rows: target and tail need no labels"
        )


@dataclass(frozen=True, eq=False)
class _PrecisionCurve:
    """Precision and recall at each distinct p-value below 1, the smallest first."""

    p_values: FloatArray
    precision: FloatArray
    recall: FloatArray
    inputs: Mapping[str, float | int]

    def choose(self, rule: str, at: int, found: Mapping[str, float]) -> ChosenThreshold:
        on_validation = {
            "precision_on_validation": float(self.precision[at]),
            "recall_on_validation": float(self.recall[at]),
        }
        inputs = {**self.inputs, **found, **on_validation}
        return ChosenThreshold(rule, float(self.p_values[at]), None, inputs)


def _precision_curve(
    rule: str,
    calibration: ConformalCalibration,
    labels: ArrayLike,
    scores: ArrayLike,
    attack_share: float | None,
) -> _PrecisionCurve:
    from sklearn.metrics import precision_recall_curve

    known = np.asarray(labels, dtype=np.float64)
    labelled = ~np.isnan(known)
    attack = known[labelled] == 1
    attacks, benign = int(attack.sum()), int((~attack).sum())
    check_classes(rule, attacks=attacks, benign=benign)
    p_values, _ = calibration.p_values(np.asarray(scores, dtype=np.float64)[labelled])
    inputs: dict[str, float | int] = {"attacks": attacks, "benign": benign}
    weights = None
    if attack_share is not None:
        inputs["attack_share"] = attack_share
        weights = np.where(attack, attack_share / attacks, (1 - attack_share) / benign)
    precision, recall, limits = precision_recall_curve(attack, -p_values, sample_weight=weights)
    # Its last point has no threshold; a threshold of 1 would make an alert of everything.
    below = limits > -1
    if not below.any():
        raise ParameterError(
            f"alerts.rule {rule} needs a validation row that is more anomalous than some "
            "calibration row, got none"
        )
    order = slice(None, None, -1)
    return _PrecisionCurve(
        -limits[below][order], precision[:-1][below][order], recall[:-1][below][order], inputs
    )

"""From what the threshold follows: a rate, a budget, a tail, or labelled validation rows.

Whatever the rule, the outcome is one number, the ``target_fpr`` of a model, and a connection is an
alert where its p-value is at most that. So any threshold can be read as a false-positive rate, and
none has seen a test row.

* ``fpr``, ``alerts_per_day`` and ``tail`` use held-out benign rows alone. Counting promises their
  rate for benign traffic like the calibration rows, on average over calibration sets (Bates,
  Candès, Lei, Romano & Sesia 2023). ``tail`` smooths the few largest calibration scores by a
  generalised-Pareto law, and so scatters less where only a handful of them lie beyond the
  threshold (Siffer et al. 2017); it promises its risk as far as the law holds.
* ``best_f1`` and ``precision`` read the threshold off validation rows. All attacks before the test
  lie there, so their share is far above that of any traffic; precision and F1 grow with that
  share, and such a threshold lets many false alarms pass. ``attack_share`` weights the rows as if
  attacks had a share that is expected. Both are estimates from the attacks at hand: attacks of
  other kinds may be found less often.

Benign traffic changes, and then a rate of 5 % becomes 12 %. ``benign_shift`` allows for it from
the outset, see `robust_rate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.detection.calibration.conformal import SMALLEST_P
from oddwire.detection.calibration.tail import tail_quantile
from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from oddwire.detection.calibration.conformal import ConformalCalibration

    FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ChosenThreshold:
    """The outcome of a rule, which a model keeps.

    Parameters
    ----------
    rule
        A value of ``alerts.rule``.
    target_fpr
        P-value up to which a connection is an alert.
    inputs
        What the rule made it of, as JSON can hold it.
    """

    rule: str
    target_fpr: float
    inputs: Mapping[str, float | int | str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {"rule": self.rule, "target_fpr": self.target_fpr, **self.inputs}


def robust_rate(target_fpr: float, benign_shift: float) -> float:
    """Return the rate to set today so that shifted benign traffic still keeps ``target_fpr``.

    Of all laws Q at a chi-square divergence of at most r from the calibration rows' law P, that
    is E_P[(dQ/dP - 1)²] ≤ r, the worst gives what P gives the share a the share a + √(r a (1 - a)).
    This solves for a. (Cauchois, Gupta, Ali & Duchi 2024, *Robust validation: confident predictions
    even when distributions shift*, Journal of the American Statistical Association 119.)

    Parameters
    ----------
    target_fpr
        Share of benign connections that may raise an alert, in (0, 1).
    benign_shift
        r, from 0. Where a 5 % that was promised became 12 %, it was at least .1.

    Returns
    -------
    float
        Above 0, and ``target_fpr`` itself where ``benign_shift`` is 0.

    Raises
    ------
    ParameterError
        If a number is out of range, or the rate is too small to be told.
    """
    if not 0 < target_fpr < 1:
        raise ParameterError(f"target_fpr must be between 0 and 1, got {target_fpr!r}")
    if not (math.isfinite(benign_shift) and benign_shift >= 0):
        raise ParameterError(f"benign_shift must be a finite number from 0, got {benign_shift!r}")
    if benign_shift == 0:
        return target_fpr
    half = 2 * target_fpr + benign_shift
    root = math.sqrt(benign_shift * (benign_shift + 4 * target_fpr * (1 - target_fpr)))
    rate = min(
        2 * target_fpr**2 / (half + root), target_fpr
    )  # rounding may lift a tiny shift's rate
    if rate < SMALLEST_P:
        raise ParameterError(
            f"benign_shift must leave a rate of at least {SMALLEST_P:g}, got {benign_shift:g} for "
            f"{target_fpr:g}"
        )
    return rate


def by_tail(calibration: ConformalCalibration, risk: float) -> ChosenThreshold:
    """Set the threshold where a generalised-Pareto tail has the risk (peaks over threshold).

    Parameters
    ----------
    calibration
        Of the model.
    risk
        Probability that a benign connection raises an alert, in (0, 1). Below 1 / (n + 1) the
        tail of the p-values decides, which is a careful one; where the tail does not reach down to
        the risk, or none can be fitted, counting does. ``inputs`` say which did.
    """
    n = calibration.scores.size
    if risk * (n + 1) < 1:
        return ChosenThreshold("tail", risk, {"risk": risk, "estimated_by": "extrapolation"})
    found = tail_quantile(calibration.scores, risk)
    if found is None:
        return ChosenThreshold("tail", risk, {"risk": risk, "estimated_by": "counting"})
    score, rows = found
    at_least = n - int(np.searchsorted(calibration.scores, score))
    # P-values go in steps between calibration scores; the step above the score keeps the risk.
    rate = at_least / (n + 1) if at_least else float(calibration.p_values([score])[0][0])
    inputs: dict[str, float | int | str] = {
        "risk": risk, "estimated_by": "tail", "tail_rows": rows,
    }  # fmt: skip
    return ChosenThreshold("tail", rate, inputs)


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
    """Set the threshold as low as a floor of precision on labelled rows allows.

    Parameters
    ----------
    calibration, labels, scores, attack_share
        As of `by_best_f1`.
    min_precision
        Share of the alerts that must be attacks, in (0, 1).

    Raises
    ------
    ParameterError
        If there is no attack or no benign row, or no threshold keeps the floor.
    """
    curve = _precision_curve("precision", calibration, labels, scores, attack_share)
    kept = np.flatnonzero(curve.precision >= min_precision)
    if not kept.size:
        raise ParameterError(
            f"alerts.min_precision must be one that a threshold reaches on validation, at most "
            f"{curve.precision.max():.4g}, got {min_precision:g}"
        )
    return curve.choose("precision", int(kept[-1]), {"min_precision": min_precision})


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
        return ChosenThreshold(
            rule, float(self.p_values[at]), {**self.inputs, **found, **on_validation}
        )


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
    if not (attacks and benign):
        raise ParameterError(
            f"alerts.rule {rule} needs attacks and benign rows in validation, got {attacks} "
            f"attacks and {benign} benign rows"
        )
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
            f"alerts.rule {rule} needs a validation row that is odder than some calibration row, "
            "got none"
        )
    order = slice(None, None, -1)
    return _PrecisionCurve(
        -limits[below][order], precision[:-1][below][order], recall[:-1][below][order], inputs
    )

"""How good a detector is on labelled rows: labels and scores in, one frozen `Evaluation` out.

A metric that the rows leave undefined, because they hold one class or no label at all, is None,
and ``undefined`` says why. Nothing here is ever NaN.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from oddwire.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_LABEL = "no test row has a label"
NO_ATTACK = "no attack among the labelled rows"
NO_BENIGN = "no benign row among the labelled rows"
NO_ALERT = "no labelled row reaches the threshold"

ALERT_METRICS = ("f1", "precision", "recall", "false_positive_rate", "accuracy")
# Rates at which detectors are compared whatever their targets: 0.1, 1 and 5 %.
FIXED_FPRS = {f"recall_at_fpr_{rate}": rate for rate in (0.001, 0.01, 0.05)}
_NAMED = (
    "roc_auc", "average_precision", "f1", "precision", "recall", "recall_at_fpr",
    "false_positive_rate", "accuracy",
)  # fmt: skip
METRICS = (*_NAMED, *FIXED_FPRS)


class Confusion(NamedTuple):
    """Counts of labelled rows by label and alert."""

    tn: int
    fp: int
    fn: int
    tp: int


class Curve(NamedTuple):
    """Counts of attacks and of benign rows at or above each threshold.

    Each array has one entry per distinct score, the highest first.
    """

    thresholds: Floats
    attacks: Floats
    benign: Floats


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Metrics of one detector on the rows that it was tested on.

    ``rows`` counts all rows, ``unlabelled`` those left out because they have no label. The
    threshold is inclusive: a row is an alert where its score is at least the threshold.
    ``recall_at_fpr`` is the recall at ``alert_p_value``; ``recalls_at_fpr`` has the recall at each
    rate of `FIXED_FPRS`, by its name.
    """

    rows: int
    attacks: int
    unlabelled: int
    alerts: int
    roc_auc: float | None
    average_precision: float | None
    f1: float | None
    precision: float | None
    recall: float | None
    recall_at_fpr: float | None
    false_positive_rate: float | None
    accuracy: float | None
    recalls_at_fpr: Mapping[str, float | None]
    threshold: float
    alert_p_value: float
    confusion: Confusion
    undefined: Mapping[str, str]

    @property
    def attack_share(self) -> float | None:
        """Share of attacks among the labelled rows: what average precision is by chance."""
        labelled = self.rows - self.unlabelled
        return self.attacks / labelled if labelled else None

    @property
    def figures(self) -> dict[str, float | None]:
        """Every metric by its name, in the order of `METRICS`."""
        return {name: getattr(self, name) for name in _NAMED} | dict(self.recalls_at_fpr)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            **asdict(self),
            "attack_share": self.attack_share,
            "confusion": self.confusion._asdict(),
            "undefined": dict(self.undefined),
        }


def check_scores(scores: Any) -> Floats:
    """Return scores as a flat float64 array.

    Raises
    ------
    DataError
        If they are not one finite number per row.
    """
    checked = np.asarray(scores, dtype=np.float64)
    if checked.ndim != 1:
        raise DataError(f"scores must be one number per row, got an array of shape {checked.shape}")
    bad = int(np.count_nonzero(~np.isfinite(checked)))
    if bad:
        raise DataError(f"scores must be finite, got {bad} of {len(checked)} that are not")
    return checked


def known_labels(labels: Any, rows: int) -> tuple[Bools, Bools]:
    """Tell which rows have a label, and which of those are attacks.

    Parameters
    ----------
    labels
        0, 1 or missing per row, in any array or column type; None where there are none.
    rows
        How many rows there are.

    Returns
    -------
    tuple of bool arrays
        ``known`` of shape (rows,), and ``attack`` of shape (known.sum(),).

    Raises
    ------
    DataError
        If there is not one label per row, or one is neither 0, 1 nor missing.
    """
    if labels is None:
        return np.zeros(rows, dtype=bool), np.zeros(0, dtype=bool)
    if len(labels) != rows:
        raise DataError(f"there must be one label per row, got {len(labels)} for {rows} rows")
    try:
        # As plain objects first: a boolean or string column would not turn into numbers directly.
        column = pd.Series(np.asarray(labels, dtype=object), dtype=object)
        numbers = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"labels must be 0, 1 or missing: {error}") from error
    known = ~np.isnan(numbers)
    values = numbers[known]
    wrong = values[(values != 0) & (values != 1)]
    if len(wrong):
        raise DataError(f"labels must be 0, 1 or missing, got {wrong[0]:g}")
    return known, values == 1


def ranking_curve(attack: Bools, scores: Floats) -> Curve:
    """Count attacks and benign rows at or above each distinct score, in O(n log n)."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # the last row ends a tie
    attacks = np.cumsum(attack[order], dtype=np.float64)[ends]
    return Curve(ranked[ends], attacks, ends + 1.0 - attacks)


def average_precision(curve: Curve) -> float:
    """Mean precision over the steps of recall, without interpolation (as scikit-learn has it)."""
    precision = curve.attacks / (curve.attacks + curve.benign)
    steps = np.diff(curve.attacks, prepend=0.0)
    return float(np.sum(steps * precision) / curve.attacks[-1])


def roc_auc(curve: Curve) -> float:
    """Probability that an attack scores above a benign row, ties counting half."""
    middle = curve.attacks - np.diff(curve.attacks, prepend=0.0) / 2
    steps = np.diff(curve.benign, prepend=0.0)
    return float(np.sum(steps * middle) / (curve.attacks[-1] * curve.benign[-1]))


def recall_at(curve: Curve, most: float) -> float:
    """Return the highest recall whose false-positive rate is at most ``most``."""
    allowed = np.searchsorted(curve.benign / curve.benign[-1], most, side="right")
    return float(curve.attacks[allowed - 1] / curve.attacks[-1]) if allowed else 0.0


def evaluate(labels: Any, scores: Any, *, threshold: float, alert_p_value: float) -> Evaluation:
    """Measure anomaly scores against labels.

    Parameters
    ----------
    labels
        0 benign, 1 attack or missing per row, shape (n,); None where no row has one.
    scores
        Finite anomaly scores, higher = more anomalous, shape (n,).
    threshold
        Smallest score that counts as an alert; infinite where nothing does.
    alert_p_value
        P-value of the threshold, which is the false-positive rate that it should have. At that rate
        ``recall_at_fpr`` is read off the ROC of these very rows: what the ranking would give at a
        threshold that keeps the rate exactly.

    Raises
    ------
    DataError
        If a score is not finite, a label is neither 0, 1 nor missing, the lengths differ, or the
        threshold is not a number.

    Examples
    --------
    >>> scores = [0.1, 0.2, 0.9, 0.8, 1.5]
    >>> found = evaluate([0, 0, 0, 1, 1], scores, threshold=0.8, alert_p_value=0.1)
    >>> found.confusion
    Confusion(tn=2, fp=1, fn=0, tp=2)
    >>> round(found.roc_auc, 3), found.recall, found.recall_at_fpr
    (0.833, 1.0, 0.5)
    """
    scores = check_scores(scores)
    if np.isnan(threshold):
        raise DataError("the threshold must be a number, got nan")
    known, attack = known_labels(labels, len(scores))
    confusion = _confusion(attack, scores[known] >= threshold)
    values, undefined = _at_threshold(confusion)
    ranked, unranked = _over_thresholds(attack, scores[known], alert_p_value)
    recalls = {name: ranked.pop(name) for name in FIXED_FPRS}
    return Evaluation(
        rows=len(scores),
        attacks=int(attack.sum()),
        unlabelled=int(len(scores) - known.sum()),
        alerts=int(np.count_nonzero(scores >= threshold)),
        threshold=float(threshold),
        alert_p_value=float(alert_p_value),
        confusion=confusion,
        undefined=undefined | unranked,
        recalls_at_fpr=recalls,
        **values,
        **ranked,
    )


def _confusion(attack: Bools, alert: Bools) -> Confusion:
    counts = np.bincount(2 * attack.astype(np.int64) + alert, minlength=4)
    return Confusion(*(int(count) for count in counts))


def _missing_class(attacks: int, benign: int) -> str | None:
    if not attacks and not benign:
        return NO_LABEL
    if not attacks:
        return NO_ATTACK
    return None if benign else NO_BENIGN


def alert_metrics(tn: Any, fp: Any, fn: Any, tp: Any) -> dict[str, Floats]:
    """Return the metrics of `ALERT_METRICS` from counts, NaN where one is undefined.

    Parameters
    ----------
    tn, fp, fn, tp
        Counts of labelled rows, numbers or arrays of one shape.
    """
    attacks, benign = fn + tp, tn + fp
    return {
        # Without an attack, precision and F1 would be 0 whatever the detector.
        "f1": _ratio(2 * tp, np.where(attacks, 2 * tp + fp + fn, 0)),
        "precision": _ratio(tp, np.where(attacks, tp + fp, 0)),
        "recall": _ratio(tp, attacks),
        "false_positive_rate": _ratio(fp, benign),
        "accuracy": _ratio(tn + tp, attacks + benign),
    }


def _ratio(part: Any, whole: Any) -> Floats:
    wholes = np.asarray(whole, dtype=np.float64)
    shares: Floats = np.full(wholes.shape, np.nan)
    np.divide(part, wholes, out=shares, where=wholes != 0)
    return shares


def _at_threshold(confusion: Confusion) -> tuple[dict[str, float | None], dict[str, str]]:
    tn, fp, fn, tp = confusion
    one_class = _missing_class(fn + tp, tn + fp)
    values: dict[str, float | None] = {}
    undefined = {}
    for name, value in alert_metrics(*confusion).items():
        defined = bool(np.isfinite(value))
        values[name] = float(value) if defined else None
        if not defined:
            undefined[name] = one_class or NO_ALERT
    return values, undefined


def _over_thresholds(
    attack: Bools, scores: Floats, alert_p_value: float
) -> tuple[dict[str, float | None], dict[str, str]]:
    rates = {"recall_at_fpr": alert_p_value, **FIXED_FPRS}
    names = ("roc_auc", "average_precision", *rates)
    one_class = _missing_class(int(attack.sum()), int((~attack).sum()))
    if one_class:
        return dict.fromkeys(names), dict.fromkeys(names, one_class)
    curve = ranking_curve(attack, scores)
    recalls = {name: recall_at(curve, rate) for name, rate in rates.items()}
    return {"roc_auc": roc_auc(curve), "average_precision": average_precision(curve), **recalls}, {}

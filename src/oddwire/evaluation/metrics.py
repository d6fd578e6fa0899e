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


class Confusion(NamedTuple):
    """Counts of labelled rows by label and alert."""

    tn: int
    fp: int
    fn: int
    tp: int


class Curve(NamedTuple):
    """Alerts among attacks and among benign rows, as the threshold falls.

    Each array has one entry per distinct score, the highest first.
    """

    thresholds: Floats
    attacks: Floats
    benign: Floats


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Metrics of one detector on the rows that it was tested on.

    ``rows`` counts all rows, ``unlabelled`` those left out for want of a label. The threshold is
    inclusive: a row is an alert where its score is at least the threshold.
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
    threshold: float
    max_fpr: float
    confusion: Confusion
    undefined: Mapping[str, str]

    @property
    def attack_share(self) -> float | None:
        """Share of attacks among the labelled rows, without which no average precision speaks."""
        labelled = self.rows - self.unlabelled
        return self.attacks / labelled if labelled else None

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
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))  # the last row ends a tie
    attacks = np.cumsum(attack[order], dtype=np.float64)[ends]
    return Curve(ranked[ends], attacks, ends + 1.0 - attacks)


def average_precision(curve: Curve) -> float:
    """Mean precision over the steps of recall, without interpolation (as scikit-learn has it)."""
    precision = curve.attacks / (curve.attacks + curve.benign)
    steps = np.diff(curve.attacks, prepend=0.0)
    return float(np.sum(steps * precision) / curve.attacks[-1])


def roc_auc(curve: Curve) -> float:
    """Chance that an attack scores above a benign row, ties counting half."""
    middle = curve.attacks - np.diff(curve.attacks, prepend=0.0) / 2
    steps = np.diff(curve.benign, prepend=0.0)
    return float(np.sum(steps * middle) / (curve.attacks[-1] * curve.benign[-1]))


def recall_at(curve: Curve, max_fpr: float) -> float:
    """Return the highest recall whose false-positive rate is at most ``max_fpr``."""
    allowed = curve.benign / curve.benign[-1] <= max_fpr
    return float(curve.attacks[allowed].max(initial=0.0) / curve.attacks[-1])


def evaluate(labels: Any, scores: Any, *, threshold: float, max_fpr: float) -> Evaluation:
    """Measure anomaly scores against labels.

    Parameters
    ----------
    labels
        0 benign, 1 attack or missing per row, shape (n,); None where no row has one.
    scores
        Finite anomaly scores, higher is worse, shape (n,).
    threshold
        Smallest score that counts as an alert; infinite where nothing does.
    max_fpr
        False-positive rate at which ``recall_at_fpr`` is read off the ROC of these very rows.

    Raises
    ------
    DataError
        If a score is not finite, a label is neither 0, 1 nor missing, the lengths differ, or the
        threshold is not a number.
    """
    scores = check_scores(scores)
    if np.isnan(threshold):
        raise DataError("the threshold must be a number, got nan")
    known, attack = known_labels(labels, len(scores))
    confusion = _confusion(attack, scores[known] >= threshold)
    values, undefined = _at_threshold(confusion)
    ranked, unranked = _over_thresholds(attack, scores[known], max_fpr)
    return Evaluation(
        rows=len(scores),
        attacks=int(attack.sum()),
        unlabelled=int(len(scores) - known.sum()),
        alerts=int(np.count_nonzero(scores >= threshold)),
        threshold=float(threshold),
        max_fpr=float(max_fpr),
        confusion=confusion,
        undefined=undefined | unranked,
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


def _at_threshold(confusion: Confusion) -> tuple[dict[str, float | None], dict[str, str]]:
    tn, fp, fn, tp = confusion
    attacks, benign = fn + tp, tn + fp
    one_class = _missing_class(attacks, benign)
    no_attack = None if attacks else one_class
    fractions = {
        "f1": (2 * tp, 2 * tp + fp + fn, no_attack),
        "precision": (tp, tp + fp, no_attack or (None if tp + fp else NO_ALERT)),
        "recall": (tp, attacks, no_attack),
        "false_positive_rate": (fp, benign, None if benign else one_class),
        "accuracy": (tn + tp, attacks + benign, None if attacks + benign else one_class),
    }
    undefined = {name: why for name, (_, _, why) in fractions.items() if why}
    values = {
        name: None if name in undefined else part / whole
        for name, (part, whole, _) in fractions.items()
    }
    return values, undefined


def _over_thresholds(
    attack: Bools, scores: Floats, max_fpr: float
) -> tuple[dict[str, float | None], dict[str, str]]:
    names = ("roc_auc", "average_precision", "recall_at_fpr")
    one_class = _missing_class(int(attack.sum()), int((~attack).sum()))
    if one_class:
        return dict.fromkeys(names), dict.fromkeys(names, one_class)
    curve = ranking_curve(attack, scores)
    figures = (roc_auc(curve), average_precision(curve), recall_at(curve, max_fpr))
    return dict(zip(names, figures, strict=True)), {}


def classification_report(labels: Any, predictions: Any) -> str:
    """Return scikit-learn's text table of precision and recall, over the labelled rows.

    Parameters
    ----------
    labels
        0, 1 or missing per row, shape (n,).
    predictions
        Whether each row is an alert, shape (n,), booleans or 0 and 1.
    """
    from sklearn.metrics import classification_report as report  # slow to import

    alert = np.asarray(predictions).astype(bool)
    known, attack = known_labels(labels, len(alert))
    if not known.any():
        return f"{NO_LABEL}: {len(alert)} rows, {int(alert.sum())} alerts\n"
    text: str = report(
        attack,
        alert[known],
        labels=[False, True],
        target_names=["benign", "attack"],
        digits=3,
        zero_division=0.0,  # silences a warning; the table's support column shows the empty class
    )
    return text

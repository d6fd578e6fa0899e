"""What the figures of a detector read like, as plain text."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from oddwire.detection.calibration.threshold_rules import target_rate
from oddwire.evaluation.classification import classification_report
from oddwire.evaluation.uncertainty.intervals import chance_band

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.evaluation.metrics import Confusion, Evaluation
    from oddwire.evaluation.uncertainty.intervals import Interval, Intervals

_SERVES = {
    "train": "the detector was fitted to them",
    "calibration": "the threshold and the p-values come from them",
    "validation": "the hyperparameters were chosen by them",
}


Kept = Literal["kept", "above", "below"]
_VERDICTS: Mapping[Kept, str] = {
    "kept": "in keeping with the target",
    "above": "above the target: the test traffic is not like the calibration rows",
    "below": "below what was allowed",
}


def evaluation_text(
    title: str,
    evaluation: Evaluation,
    intervals: Intervals | None = None,
    *,
    rule: Mapping[str, Any] = MappingProxyType({}),
    calibration_rows: int | None = None,
) -> str:
    """Return a classification report, a confusion matrix and all figures, for people.

    Parameters
    ----------
    title
        Which detector on which rows.
    evaluation
        The figures.
    intervals
        How sure they are; None for no intervals.
    rule
        What `ChosenThreshold.to_dict` returned; empty where the rate itself was promised.
    calibration_rows
        Benign rows that the threshold was made of; None for without end.
    """
    unlabelled = f", {evaluation.unlabelled} without a label" if evaluation.unlabelled else ""
    rows = f"{evaluation.rows} rows, {evaluation.attacks} of them attacks{unlabelled}"
    return "\n".join([
        f"{title}: {rows}", "",
        classification_report(evaluation.confusion).rstrip("\n"), "",
        *_confusion_lines(evaluation.confusion), "",
        *_figure_lines(evaluation, intervals), "",
        *_promise_lines(evaluation, intervals, rule, calibration_rows),
    ]) + "\n"  # fmt: skip


def target_of(evaluation: Evaluation, rule: Mapping[str, Any]) -> float | None:
    """Return the share of benign rows that were to raise an alert, None where none was promised."""
    return target_rate(rule) if rule else evaluation.target_fpr


def kept(
    evaluation: Evaluation, rule: Mapping[str, Any], calibration_rows: int | None
) -> Kept | None:
    """Say whether the realised false-positive rate is what was promised, but for chance.

    Parameters
    ----------
    evaluation, rule, calibration_rows
        As for `evaluation_text`.

    Returns
    -------
    str or None
        None where nothing was promised, or there are no benign rows.
    """
    nominal, realised = target_of(evaluation, rule), evaluation.false_positive_rate
    if nominal is None or realised is None:
        return None
    benign = evaluation.confusion.tn + evaluation.confusion.fp
    low, high = chance_band(np.array([nominal]), benign, calibration_rows)
    if realised > high[0]:
        return "above"
    return "below" if realised < low[0] else "kept"


def parts_text(parts: Mapping[str, Mapping[str, int]], dropped: int = 0) -> str:
    """Say which rows came before the test, and that their figures flatter.

    Parameters
    ----------
    parts
        Rows, attacks and rows without a label of each part.
    dropped
        Rows that are in none of them.
    """
    lines = ["The rows before the test, which the detector knows; judge it by the test rows:"]
    for name, counts in parts.items():
        attacks = counts.get("attacks", 0)
        serves = _SERVES.get(name, "")
        lines.append(
            f"  {name:<12} {counts.get('rows', 0):>9} rows, {attacks:>9} of them attacks; {serves}"
        )
    holders = [name for name, counts in parts.items() if counts.get("attacks")]
    if holders == ["validation"]:
        lines.append("All attacks among them are validation rows.")
    if dropped:
        lines.append(
            f"{dropped} more rows are in no part: without a label, or the oddest of training rows "
            "that may be attacks."
        )
    return "\n".join(lines) + "\n"


def threshold_text(rule: Mapping[str, Any]) -> str:
    """Say by which rule the threshold was set, and what went into it.

    Parameters
    ----------
    rule
        What `ChosenThreshold.to_dict` returned; empty where it is not known.
    """
    if not rule:
        return ""
    told = [
        f"{name.replace('_', ' ')} {value:.4g}" if isinstance(value, float)
        else f"{name.replace('_', ' ')} {value}"
        for name, value in rule.items() if name not in {"rule", "target_fpr"}
    ]  # fmt: skip
    return f"threshold set by the rule {rule['rule']}: {', '.join(told)}\n"


def _confusion_lines(confusion: Confusion) -> list[str]:
    return [
        "confusion matrix",
        f"  benign  {confusion.tn:>9} left alone  {confusion.fp:>9} alerts",
        f"  attack  {confusion.fn:>9} missed      {confusion.tp:>9} found",
    ]


def _figure_lines(evaluation: Evaluation, intervals: Intervals | None) -> list[str]:
    head = "figures"
    if intervals is not None and intervals.bounds:
        head += (
            f" with {intervals.confidence:.0%} intervals ({intervals.resamples} stratified "
            "bootstrap resamples; exact for the false-positive rate)"
        )
    lines = [head]
    for name, value in evaluation.figures.items():
        if value is None:
            lines.append(f"  {name:<20} undefined: {evaluation.undefined[name]}")
            continue
        bound = intervals.get(name) if intervals else None
        lines.append(f"  {name:<20} {value:.4f}" + (f"   {_span(bound)}" if bound else ""))
    benign = evaluation.confusion.tn + evaluation.confusion.fp
    if 0 < benign < 1000:  # noqa: PLR2004 - 0.1 % of so few is less than one row
        note = f"0.1 % of {benign} benign rows is less than one row: no false alarm is allowed"
        lines.append(f"  (recall_at_fpr_0.001: {note})")
    return lines


def _promise_lines(
    evaluation: Evaluation,
    intervals: Intervals | None,
    rule: Mapping[str, Any],
    calibration_rows: int | None,
) -> list[str]:
    """Set the realised false-positive rate beside the nominal one."""
    realised = evaluation.false_positive_rate
    nominal = target_of(evaluation, rule)
    lines = [f"threshold {evaluation.threshold:.6g} (an alert from there on)"]
    if nominal is None:
        told = "unknown" if realised is None else f"{realised:.4g}"
        return [*lines, f"false-positive rate: {told}; the rule {rule['rule']} sets none"]
    if realised is None:
        return [*lines, f"nominal false-positive rate {nominal:.4g}, the realised one is unknown"]
    bound = intervals.get("false_positive_rate") if intervals else None
    told = f"false-positive rate: nominal {nominal:.4g}, realised {realised:.4g}"
    if bound is None:
        return [*lines, told]
    verdict = kept(evaluation, rule, calibration_rows)
    return [*lines, f"{told} ({_span(bound)}){f': {_VERDICTS[verdict]}' if verdict else ''}"]


def _span(bound: Interval) -> str:
    return f"{bound.low:.4f} to {bound.high:.4f}"

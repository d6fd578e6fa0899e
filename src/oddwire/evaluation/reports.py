"""The figures of a detector as plain text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from oddwire.detection.calibration.thresholds.targets import in_words
from oddwire.evaluation.metrics import NO_LABEL
from oddwire.evaluation.target_lines import target_lines
from oddwire.evaluation.threshold_notes import threshold_notes
from oddwire.percent import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.evaluation.metrics import Confusion, Evaluation
    from oddwire.evaluation.observed import Observed
    from oddwire.evaluation.uncertainty.intervals import Intervals

_TOLD_APART = ("target", "target_fpr", "shortfall", "noisiest")  # in words, not as an input
_USES = {
    "train": "the detector was fitted to them",
    "calibration": "the threshold and the p-values come from them",
    "validation": "the hyperparameters were chosen by them",
}


def evaluation_report(
    title: str,
    evaluation: Evaluation,
    intervals: Intervals | None = None,
    *,
    observed: Observed | None = None,
) -> str:
    """Return a classification report, a confusion matrix and all figures.

    Parameters
    ----------
    title
        Which detector on which rows.
    evaluation
        The figures.
    intervals
        Their intervals; None for none.
    observed
        False alarms against the target; None leaves them out.
    """
    confusion = evaluation.confusion
    unlabelled = f", {evaluation.unlabelled} without a label" if evaluation.unlabelled else ""
    rows = f"{evaluation.rows} rows, {evaluation.attacks} of them attacks{unlabelled}"
    return "\n".join([
        f"{title}: {rows}", "",
        classification_report(confusion).rstrip("\n"), "",
        *(_by_label(evaluation, intervals) if sum(confusion) else []),
        f"threshold {evaluation.threshold:.6g} (an alert from this score on)",
        *([] if observed is None else target_lines(observed)),
    ]) + "\n"  # fmt: skip


def _by_label(evaluation: Evaluation, intervals: Intervals | None) -> list[str]:
    confusion = evaluation.confusion
    return [
        "confusion matrix",
        f"  benign  {confusion.tn:>9} left alone  {confusion.fp:>9} alerts",
        f"  attack  {confusion.fn:>9} missed      {confusion.tp:>9} found", "",
        *_figure_lines(evaluation, intervals), "",
    ]  # fmt: skip


def classification_report(confusion: Confusion) -> str:
    """Return scikit-learn's text table of precision, recall, F1 and support per class."""
    from sklearn.metrics import classification_report as report  # slow to import

    if not sum(confusion):
        return f"{NO_LABEL}\n"
    text: str = report(
        [0, 0, 1, 1],
        [0, 1, 0, 1],
        sample_weight=list(confusion),  # counts say the same as that many rows
        labels=[0, 1],
        target_names=["benign", "attack"],
        digits=4,
        zero_division=0.0,  # silences a warning; the table's support column shows the empty class
    )
    # Weights are floats, rows are not; the column stays as wide as it was.
    return re.sub(r"(\d+)\.0$", r"  \1", text, flags=re.MULTILINE)


def parts_report(parts: Mapping[str, Mapping[str, int]], dropped: int = 0) -> str:
    """Say which rows came before the test, and what each part was used for.

    Parameters
    ----------
    parts
        Rows, attacks and rows without a label of each part.
    dropped
        Rows that are in none of them.
    """
    lines = ["Rows before the test flatter the detector, which was made of them:"]
    for name, counts in parts.items():
        rows, attacks = counts.get("rows", 0), counts.get("attacks", 0)
        use = _USES.get(name, "")
        lines.append(f"  {name:<12} {rows:>9} rows, {attacks:>9} of them attacks; {use}")
    if [name for name, counts in parts.items() if counts.get("attacks")] == ["validation"]:
        lines.append("All attacks among them are validation rows.")
    if dropped:
        lines.append(
            f"{dropped} more rows are in no part: without a label, or the most anomalous of "
            "training rows that may be attacks."
        )
    return "\n".join(lines) + "\n"


def threshold_line(rule: Mapping[str, Any]) -> str:
    """Say by which rule the threshold was set, what went into it, and what must be known of it.

    Parameters
    ----------
    rule
        What `ChosenThreshold.to_dict` returned; empty where it is not known.
    """
    if not rule:
        return ""
    inputs = {
        name.replace("_", " ").replace("p value", "p-value").replace("fpr", "FPR"): value
        for name, value in rule.items()
        if name not in {"rule", *_TOLD_APART} and value is not None
    }  # fmt: skip
    if rule.get("unit") != "source and time":
        inputs.pop("unit minutes", None)
    for name, value in (rule.get("target") or {}).items():
        inputs = {f"target {in_words(name, value)}": ""} | inputs
    shown = [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}".rstrip()
        for name, value in inputs.items()
    ]
    first = f"threshold set by the rule {rule['rule']}: {', '.join(shown)}"
    return "\n".join([first, *threshold_notes(rule)]) + "\n"


def _figure_lines(evaluation: Evaluation, intervals: Intervals | None) -> list[str]:
    head = "figures"
    if intervals is not None and intervals.bounds:
        drawn = "rows" if intervals.clusters is None else f"{intervals.clusters} clusters"
        head += f" with {percent(intervals.confidence)} intervals ({intervals.resamples} "
        head += f"bootstrap resamples of {drawn})"
    lines = [head]
    for name, value in evaluation.figures.items():
        if value is None:
            lines.append(f"  {name:<20} undefined: {evaluation.undefined[name]}")
            continue
        bound = intervals.bounds.get(name) if intervals else None
        span = f"   {bound.low:.4f} to {bound.high:.4f}" if bound else ""
        lines.append(f"  {name:<20} {value:.4f}{span}")
    benign = evaluation.confusion.tn + evaluation.confusion.fp
    if 0 < benign < 1000:  # noqa: PLR2004 - 0.1 % of so few is less than one row
        note = f"0.1 % of {benign} benign rows is less than one row: no false alarm is allowed"
        lines.append(f"  (recall_at_fpr_0.001: {note})")
    return lines

"""Results as Markdown, for the Prefect page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from oddwire.operations.drift.verdict import ranked

if TYPE_CHECKING:
    from oddwire.operations.drift.check import DriftResult
    from oddwire.operations.training.results import TrainingResult

_COLUMNS = {
    "detector": "detector",
    "validation": "on validation rows",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "f1": "F1",
    "recall_at_fpr": "recall at the false-alarm budget",
    "false_positive_rate": "realised false-positive rate",
    "model_version": "version",
}
_MOST_COLUMNS = 15
_SPECIAL = str.maketrans({letter: f"&#{ord(letter)};" for letter in "\\`*_{}[]()#+-.!|<>&\"'~"})


def leaderboard_markdown(result: TrainingResult) -> str:
    """Return a training's leaderboard and promotion."""
    rows = [[_with_interval(row, key) for key in _COLUMNS] for row in result.leaderboard]
    told = [f"- {escaped(row['strengths'])}" for row in result.leaderboard if "strengths" in row]
    return "\n\n".join([
        f"## Training on {result.source}",
        _table(list(_COLUMNS.values()), rows),
        *_nominal(result.leaderboard),
        *(["\n".join(told)] if told else []),
        *[f"- {escaped(baseline)}" for baseline in result.baselines],
        f"Version {result.version}: {escaped(result.reason)}",
        f"MLflow run: `{result.run_id}`",
    ])  # fmt: skip


def drift_markdown(result: DriftResult) -> str:
    """Return a drift check's verdict and its most drifted columns."""
    shown = ranked(result.check.columns)[:_MOST_COLUMNS]
    rows = [
        [escaped(c.column), _figure(c.statistic), _figure(c.cut_off), "yes" if c.drifted else "no"]
        for c in shown
    ]
    return "\n\n".join([
        f"## Drift check of {result.source}: {'drift' if result.check.drifted else 'no drift'}",
        escaped(result.check.verdict),
        f"Current: {escaped(result.current)}; champion: version {result.version}.",
        _table(["column", "share that moved", "cut-off", "drifted"], rows),
        f"MLflow run: `{result.run_id}`",
    ])  # fmt: skip


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is: names may come from the wire."""
    return " ".join(text.split()).translate(_SPECIAL)


def _with_interval(row: Mapping[str, Any], key: str) -> str:
    bound = row.get("intervals", {}).get(key)
    span = "" if bound is None else f" ({bound['low']:.3f} to {bound['high']:.3f})"
    return f"{_figure(row[key])}{span}"


def _nominal(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    rates = {f"{row['target_fpr']:.3g}" for row in rows if row.get("target_fpr")}
    if not rates:
        return []
    return [f"Nominal false-positive rate: {', '.join(sorted(rates))}. In brackets 95 % intervals."]


def _figure(value: object) -> str:
    return (
        "undefined" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

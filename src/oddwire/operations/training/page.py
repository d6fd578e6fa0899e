"""What the Prefect page shows of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oddwire.operations.markdown import escaped, figure, table
from oddwire.operations.training.results import TrainingResult

_COLUMNS = {
    "detector": "detector",
    "validation": "validation",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "f1": "F1",
    "recall_at_fpr": "recall at the threshold's FPR",
    "false_positive_rate": "test FPR",
    "model_version": "version",
}


def leaderboard_markdown(result: TrainingResult) -> str:
    """Return a training's leaderboard and promotion."""
    rows = [[_with_interval(row, key) for key in _COLUMNS] for row in result.leaderboard]
    sentences = [
        f"- {escaped(row['strengths'])}" for row in result.leaderboard if "strengths" in row
    ]
    return "\n\n".join([
        f"## Training on {result.source}",
        table(list(_COLUMNS.values()), rows),
        *_target(result.leaderboard),
        *(["\n".join(sentences)] if sentences else []),
        *[f"- {escaped(baseline)}" for baseline in result.supervised_baselines],
        f"Version {result.version}: {escaped(result.reason)}",
        f"MLflow run: `{result.run_id}`",
    ])  # fmt: skip


def _with_interval(row: Mapping[str, Any], key: str) -> str:
    bound = row.get("intervals", {}).get(key)
    span = "" if bound is None else f" ({bound['low']:.3f} to {bound['high']:.3f})"
    return f"{figure(row[key])}{span}"


def _target(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    rates = {f"{row['target_fpr']:.3g}" for row in rows if row.get("target_fpr")}
    if not rates:
        return []
    return [f"Target FPR: {', '.join(sorted(rates))}. In brackets 95 % intervals."]

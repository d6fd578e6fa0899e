"""What the pages of Prefect and MLflow show of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oddwire.detection.calibration.thresholds.targets import target_in_words
from oddwire.evaluation import yardstick
from oddwire.evaluation.campaigns.report import figures_in_words
from oddwire.evaluation.observed import INCIDENTS, UNITS
from oddwire.evaluation.target_lines import amount
from oddwire.operations.markdown import Escape, escaped, figure, link, table
from oddwire.operations.training.results import TrainingResult

_COLUMNS = {
    yardstick.NAME: f"test {yardstick.HEAD}",
    "recall_at_fpr_0.01": "recall at 1 % FPR",
    INCIDENTS: "false incidents a day",
    UNITS: "benign units alerted",
    "false_positive_rate": "test FPR",
    "average_precision": "average precision",
    "roc_auc": "ROC AUC",
    "model_version": "version",
}
_FALSE_ALARMS = {INCIDENTS, UNITS, "false_positive_rate"}


def leaderboard_markdown(result: TrainingResult, escape: Escape = escaped) -> str:
    """Return a training's leaderboard, its choice and its promotion.

    Parameters
    ----------
    escape
        That of the page: `escaped`, or `escaped_for_mlflow`.
    """
    rows = result.leaderboard
    measured = rows[0].get("criterion") == yardstick.NAME
    columns = _columns(rows)
    heads = ["detector", "", f"validation {yardstick.HEAD}" if measured else "validation"]
    cells = [
        [str(row["detector"]), _marks(row), figure(row["validation"]), *_figures(row, columns)]
        for row in rows
    ]
    sentences = [escape(row["strengths"]) for row in rows if "strengths" in row]
    return "\n\n".join([
        f"## Training on {escape(result.source)}",
        f"**Version {result.version}:** {escape(result.reason)}",
        table([*heads, *columns.values()], cells),
        *_target(rows),
        *_notes(rows, escape),
        *_campaigns(result),
        *([f"**Shared rows:** {result.shared_rows}."] if result.shared_rows else []),
        *_leaks(result, escape),
        *([escape(result.choice)] if result.choice else []),
        *(["\n".join(f"- {each}" for each in sentences)] if sentences else []),
        *[f"- {escape(baseline)}" for baseline in result.supervised_baselines],
        *[f"- {name} failed and is left out: {escape(why)}" for name, why in result.failed.items()],
        *_links(result),
    ])  # fmt: skip


def _marks(row: Mapping[str, Any]) -> str:
    marks = {"**winner**": "is_winner", "**champion**": "is_champion"}
    return ", ".join(word for word, key in marks.items() if row.get(key))


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the columns: those of incidents and units where rows have sources."""
    return {
        name: head
        for name, head in _COLUMNS.items()
        if name not in {INCIDENTS, UNITS} or any(row.get(name) is not None for row in rows)
    }


def _figures(row: Mapping[str, Any], columns: Mapping[str, str]) -> list[str]:
    return [
        amount(name, row[name])
        if name in _FALSE_ALARMS and row.get(name) is not None
        else figure(row.get(name))
        for name in columns
    ]


def _target(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what was promised, and whether each detector keeps it on the test rows."""
    targets = sorted({target_in_words(row["target"]) for row in rows if row.get("target")})
    if not targets:
        return []
    lines = [
        f"- {row['detector']}: {row['target_sentence']}"
        for row in rows
        if row.get("target_sentence")
    ]
    return [f"**Target:** {', '.join(targets)}.", *(["\n".join(lines)] if lines else [])]


def _notes(rows: Sequence[Mapping[str, Any]], escape: Escape) -> list[str]:
    """Say of each detector what its target cannot promise, and which sources are noisy."""
    lines = [
        f"- {row['detector']}: {escape(n)}" for row in rows for n in row.get("threshold_notes", [])
    ]
    return ["**Threshold:**\n\n" + "\n".join(lines)] if lines else []


def _campaigns(result: TrainingResult) -> list[str]:
    """Say which campaigns each detector finds, and which the split cut in two."""
    found = [(row["detector"], figures_in_words(row)) for row in result.leaderboard]
    lines = [f"- {detector}: {text}" for detector, text in found if text]
    cut = result.cut_campaigns
    return [
        *(["**Campaigns**, at each detector's threshold:\n\n" + "\n".join(lines)] if lines else []),
        *([f"**Campaigns in two parts:** {cut}."] if cut else []),
    ]


def _leaks(result: TrainingResult, escape: Escape) -> list[str]:
    if not result.drop_line:
        return []
    what = "look like identifiers or give the label away. To leave them out, in the source's block"
    return [f"**Suspected leaks:** columns {what}: {escape(result.drop_line)}"]


def _links(result: TrainingResult) -> list[str]:
    links = {
        "Open the training in MLflow": result.link,
        "Compare its detectors in MLflow": result.compare_link,
    }
    return [link(text, address) for text, address in links.items() if address]

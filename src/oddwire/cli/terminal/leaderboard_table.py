"""The detectors of a training side by side, as a table in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from oddwire.cli.terminal.printing import METRIC_HEADS, print_table, printer
from oddwire.detection.calibration.thresholds.targets import target_in_words
from oddwire.durations import in_time
from oddwire.evaluation import yardstick
from oddwire.evaluation.observed import INCIDENTS, UNITS
from oddwire.evaluation.target_lines import amount
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from oddwire.operations.registry.versions import Version

_COLUMNS = (
    "detector", "marks", "validation", yardstick.NAME, "roc_auc", "average_precision", "f1",
    "recall_at_fpr_0.01", "campaigns", "minutes_to_first_alert", INCIDENTS, UNITS,
    "false_positive_rate", "fit_seconds", "rows_per_second",
)  # fmt: skip
_OF_CAMPAIGNS = {"campaigns", "minutes_to_first_alert"}
_OF_UNITS = {INCIDENTS, UNITS}
_HEADS = {
    **METRIC_HEADS,
    "marks": "",
    "campaigns": "campaigns found",
    "minutes_to_first_alert": "first alert",
    yardstick.NAME: f"test {yardstick.HEAD}",
    INCIDENTS: "false incidents/day",
    UNITS: "benign units alerted",
    "fit_seconds": "fit s",
    "rows_per_second": "rows/s",
}
# Headed by what they were measured by: of an earlier release that is another figure.
_VALIDATION = {yardstick.NAME: f"validation {yardstick.HEAD}"}
_OPTIONAL = (
    "rows/s", "fit s", "benign units alerted", "F1", "average precision", "ROC AUC", "first alert",
    "recall at 1 % FPR", "test FPR",
)  # fmt: skip


def print_leaderboard(rows: Sequence[Mapping[str, Any]], *, title: str) -> None:
    """Print a row per detector, the winner and the champion marked, and why figures are missing."""
    console = printer()
    heads = _HEADS | {"validation": _VALIDATION.get(rows[0].get("criterion", ""), "validation")}
    known = any(row.get("campaigns") for row in rows)
    columns = [name for name in _COLUMNS if known or name not in _OF_CAMPAIGNS]
    columns = [
        name for name in columns
        if name not in _OF_UNITS or any(row.get(name) is not None for row in rows)
    ]  # fmt: skip
    cells = [{heads.get(name, name): _cell(name, row) for name in columns} for row in rows]
    optional = [head for head in _OPTIONAL if head in cells[0]]
    print_table(console, cells, title=title, text=("detector", ""), optional=optional)
    if (target := rows[0].get("target")) and rows[0].get("observed"):
        console.print(f"  Target: {target_in_words(target)}", style="dim")
    missing: dict[str, set[str]] = {}
    for row in rows:
        for figure, reason in (row.get("undefined") or {}).items():
            missing.setdefault(reason, set()).add(figure)
    for reason, figures in sorted(missing.items()):
        console.print(f"  - {', '.join(sorted(figures))}: {escape(reason)}", style="dim")


def print_choice(choice: str, rows: Sequence[Mapping[str, Any]], champion: Version | None) -> None:
    """Print why the winner is the winner, and which the champion is where no row is."""
    console = printer()
    console.print()
    if choice:
        console.print(escape(printable(choice)))
    if champion is not None and not any(row["is_champion"] for row in rows):
        console.print(
            f"Champion is version {champion.number} ({escape(printable(champion.detector))}) of "
            "another training."
        )


def _cell(name: str, row: Mapping[str, Any]) -> str:
    value = row.get(name)
    match name:
        case "marks":
            marks = ("winner", "is_winner"), ("champion", "is_champion")
            return "\n".join(word for word, key in marks if row.get(key))
        case "detector":
            return escape(printable(str(value)))
        case "campaigns" if value:
            return f"{row['campaigns_found']:,}/{value:,}"
    return "-" if value is None else _figure(name, value)


def _figure(name: str, value: float) -> str:
    match name:
        case "false_incidents_per_day" | "share_of_units" | "false_positive_rate":
            return amount(name, value)
        case "minutes_to_first_alert":
            return in_time(value)
        case "rows_per_second":
            return f"{value:,.0f}"
        case "fit_seconds":
            return f"{value:.1f}"
    return f"{value:.4f}"

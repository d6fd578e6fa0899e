"""The detectors of a training side by side, as a table in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from oddwire.cli.terminal.printing import METRIC_HEADS, percent, print_table, printer

_COLUMNS = (
    "detector", "validation", "roc_auc", "average_precision", "f1", "recall_at_fpr_0.01",
    "false_positive_rate", "target_fpr", "fit_seconds", "rows_per_second",
)  # fmt: skip
_HEADS = {
    **METRIC_HEADS,
    "target_fpr": "target FPR",
    "fit_seconds": "fit s",
    "rows_per_second": "rows/s",
}
_OPTIONAL = ("rows/s", "fit s", "target FPR", "F1", "average precision")


def print_leaderboard(rows: Sequence[Mapping[str, Any]], *, title: str) -> None:
    """Print a row per detector, and why figures are missing."""
    console = printer()
    cells = [
        {_HEADS.get(name, name): _cell(name, row.get(name)) for name in _COLUMNS} for row in rows
    ]
    print_table(console, cells, title=title, text=("detector",), optional=_OPTIONAL)
    missing: dict[str, set[str]] = {}
    for row in rows:
        for figure, reason in (row.get("undefined") or {}).items():
            missing.setdefault(reason, set()).add(figure)
    for reason, figures in sorted(missing.items()):
        console.print(f"  - {', '.join(sorted(figures))}: {escape(reason)}", style="dim")


def _cell(name: str, value: Any) -> str:
    match name, value:
        case _, None:
            return "-"
        case "detector", _:
            return str(value)
        case "target_fpr" | "false_positive_rate", _:
            return percent(value)
        case "rows_per_second", _:
            return f"{value:,.0f}"
        case "fit_seconds", _:
            return f"{value:.1f}"
        case _:
            return f"{value:.4f}"

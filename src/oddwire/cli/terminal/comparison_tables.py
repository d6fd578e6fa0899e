"""Trainings side by side, as tables in a terminal."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from oddwire.cli.terminal.printing import printer
from oddwire.operations.comparison.trainings import COMPARED, verdict

if TYPE_CHECKING:
    from oddwire.operations.comparison.trainings import (
        Comparison,
        DetectorComparison,
        TrainingRecord,
    )

_HEADS = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "recall_at_fpr_0.001": "recall at 0.1 % FPR",
    "recall_at_fpr_0.01": "recall at 1 % FPR",
    "recall_at_fpr_0.05": "recall at 5 % FPR",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "false_positive_rate": "realised FPR",
    "accuracy": "accuracy",
}


def letter(place: int) -> str:
    """Return how the table calls a training: A, B and so on, then by number."""
    letters = string.ascii_uppercase
    return letters[place] if place < len(letters) else str(place + 1)


def print_trainings(trainings: Sequence[TrainingRecord]) -> None:
    """Print which trainings are compared."""
    table = Table(title="Trainings", title_justify="left")
    for head in ("", "run", "name", "best detector"):
        table.add_column(head)
    for place, each in enumerate(trainings):
        table.add_row(letter(place), each.run_id, escape(each.name), each.best or "-")
    printer().print(table)


def print_comparison(comparison: Comparison, order: Sequence[str]) -> None:
    """Print a table per detector, and what could not be compared."""
    console = printer()
    first, second = (letter(order.index(run)) for run in (comparison.earlier, comparison.later))
    if comparison.unpaired:
        console.print(
            f"{first} and {second} allow no paired comparison: {escape(comparison.unpaired)}. "
            "Their figures, each with its own 95 % interval:"
        )
    for each in comparison.detectors:
        console.print(_table(each, first, second, paired=not comparison.unpaired))
    for run, names in ((first, comparison.only_earlier), (second, comparison.only_later)):
        if names:
            console.print(f"  - only in {run}: {', '.join(names)}", style="dim")


def _table(each: DetectorComparison, first: str, second: str, *, paired: bool) -> Table:
    table = Table(title=each.detector, title_justify="left")
    table.add_column("metric")
    heads = [first, second]
    if paired:
        heads += [f"{second} - {first}", "95 % interval", "verdict"]
    for head in heads:
        table.add_column(head, justify="left" if head == "verdict" else "right")
    for metric in COMPARED:
        cells = [
            _figure(figures, metric, alone=not paired) for figures in (each.earlier, each.later)
        ]
        if paired:
            cells += _difference(each, metric)
        table.add_row(_HEADS[metric], *cells)
    return table


def _figure(figures: Mapping[str, Any], metric: str, *, alone: bool) -> str:
    value = figures.get(metric)
    if value is None:
        return "-"
    bound = (figures.get("intervals") or {}).get(metric)
    span = f" ({bound['low']:.4f} to {bound['high']:.4f})" if alone and bound else ""
    return f"{value:.4f}{span}"


def _difference(each: DetectorComparison, metric: str) -> list[str]:
    difference = each.difference(metric)
    if difference is None:
        return ["-", "-", ""]
    span = f"{difference.low:+.4f} to {difference.high:+.4f}"
    return [f"{difference.estimate:+.4f}", span, verdict(difference)]

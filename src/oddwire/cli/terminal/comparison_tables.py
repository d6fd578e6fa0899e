"""Trainings side by side, as tables in a terminal."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from oddwire.cli.terminal.printing import METRIC_HEADS, print_table, printer
from oddwire.operations.comparison.trainings import (
    COMPARED,
    Comparison,
    DetectorComparison,
    TrainingRecord,
    verdict,
)

_DIFFERENCE = {"no difference shown": "within chance"}  # below the head "difference"


def letter(place: int) -> str:
    """Return what the tables call a training: A, B and so on, then its number."""
    letters = string.ascii_uppercase
    return letters[place] if place < len(letters) else str(place + 1)


def print_trainings(trainings: Sequence[TrainingRecord]) -> None:
    """Print which trainings are compared."""
    rows = [
        {
            "": letter(place),
            "run": training.run_id,
            "name": escape(training.name),
            "best detector": training.best or "-",
        }
        for place, training in enumerate(trainings)
    ]
    print_table(printer(), rows, title="Trainings", text=rows[0], optional=("best detector",))


def print_comparison(comparison: Comparison, order: Sequence[str]) -> None:
    """Print a table per detector, and what could not be compared.

    Parameters
    ----------
    order
        Run ids of all trainings that are compared, in the order of their letters.
    """
    console = printer()
    first, second = (letter(order.index(run)) for run in (comparison.earlier, comparison.later))
    if comparison.unpaired:
        console.print(
            f"\n{first} and {second} allow no paired comparison: {escape(comparison.unpaired)}. "
            "Their figures, each with its own 95 % interval:"
        )
    for compared in comparison.detectors:
        rows = _rows(compared, first, second, paired=not comparison.unpaired)
        console.print()
        print_table(console, rows, title=compared.detector, text=("metric", "difference"))
    for run, names in ((first, comparison.only_earlier), (second, comparison.only_later)):
        if names:
            console.print(f"  - only in {run}: {', '.join(names)}", style="dim")


def _rows(
    compared: DetectorComparison, first: str, second: str, *, paired: bool
) -> list[dict[str, str]]:
    return [
        {
            "metric": METRIC_HEADS[metric],
            first: _figure(compared.earlier, metric, interval=not paired),
            second: _figure(compared.later, metric, interval=not paired),
            **(_difference(compared, metric, f"{second} - {first}") if paired else {}),
        }
        for metric in COMPARED
    ]


def _figure(figures: Mapping[str, Any], metric: str, *, interval: bool) -> str:
    value = figures.get(metric)
    if value is None:
        return "-"
    bound = (figures.get("intervals") or {}).get(metric) if interval else None
    return f"{value:.4f}" + (f" ({bound['low']:.4f} to {bound['high']:.4f})" if bound else "")


def _difference(compared: DetectorComparison, metric: str, head: str) -> dict[str, str]:
    found = compared.difference(metric)
    if found is None:
        return {head: "-", "95 % interval": "-", "difference": ""}
    word = verdict(found)
    return {
        head: f"{found.estimate:+.4f}",
        "95 % interval": f"{found.low:+.4f} to {found.high:+.4f}",
        "difference": _DIFFERENCE.get(word, word),
    }

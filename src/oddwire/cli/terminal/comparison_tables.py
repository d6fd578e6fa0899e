"""Trainings side by side, as tables in a terminal."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rich.markup import escape

from oddwire.cli.terminal.printing import METRIC_HEADS, print_table, printer
from oddwire.evaluation import yardstick
from oddwire.evaluation.observed import INCIDENTS, UNITS
from oddwire.operations.comparison.trainings import (
    Comparison,
    DetectorComparison,
    TrainingRecord,
    verdict,
)
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

_HEADS = {**METRIC_HEADS, yardstick.NAME: yardstick.HEAD}
_SHARES = {"false_positive_rate", UNITS}  # shown in percent, as on the leaderboard
_COUNTS = {INCIDENTS, "minutes_to_first_alert"}
_DIFFERENCE = {"no difference shown": "within chance"}  # below the head "difference"


def letter(place: int) -> str:
    """Return what the tables call a training: A, B and so on, then its number."""
    letters = string.ascii_uppercase
    return letters[place] if place < len(letters) else str(place + 1)


def print_trainings(trainings: Sequence[TrainingRecord]) -> None:
    """Print which trainings are compared."""
    console = printer()
    console.print("Trainings", style="bold")
    for place, training in enumerate(trainings):
        # No table: a name may be nearly as long as the terminal is wide.
        console.print(f"  {letter(place)}  {escape(printable(training.name))}", soft_wrap=True)
        console.print(f"     run {training.run_id}", style="dim", soft_wrap=True)


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
    if comparison.identical:
        console.print(
            f"\n{second} has the same figures as {first} to the last digit: the same scores of the "
            "same test rows."
        )
        return
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
            "metric": _HEADS[metric],
            first: _figure(compared.earlier, metric, interval=not paired),
            second: _figure(compared.later, metric, interval=not paired),
            **(_difference(compared, metric, f"{second} - {first}") if paired else {}),
        }
        for metric in compared.metrics
    ]


def _figure(figures: Mapping[str, Any], metric: str, *, interval: bool) -> str:
    value = figures.get(metric)
    if value is None:
        return "-"
    bound = (figures.get("intervals") or {}).get(metric) if interval else None
    show = partial(_shown, metric=metric)
    return show(value) + (f" ({show(bound['low'])} to {show(bound['high'])})" if bound else "")


def _shown(value: float, metric: str, sign: str = "") -> str:
    if metric not in _SHARES:
        return f"{value:{sign}.3g}" if metric in _COUNTS else f"{value:{sign}.4f}"
    return ("+" if sign and value >= 0 else "") + percent(value)


def _difference(compared: DetectorComparison, metric: str, head: str) -> dict[str, str]:
    found = compared.difference(metric)
    if found is None:
        return {head: "-", "95 % interval": "-", "difference": ""}
    word, show = verdict(found), partial(_shown, metric=metric, sign="+")
    return {
        head: show(found.estimate),
        "95 % interval": f"{show(found.low)} to {show(found.high)}",
        "difference": _DIFFERENCE.get(word, word),
    }

"""What people see in a terminal: tables that fit it; and JSON for machines."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table

METRIC_HEADS = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "recall_at_fpr_0.001": "recall at 0.1 % FPR",
    "recall_at_fpr_0.01": "recall at 1 % FPR",
    "recall_at_fpr_0.05": "recall at 5 % FPR",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "false_positive_rate": "test FPR",
    "accuracy": "accuracy",
    "false_incidents_per_day": "false incidents a day",
    "share_of_units": "benign units that alert",
    "campaign_recall": "share of campaigns found",
    "minutes_to_first_alert": "minutes to first alert",
}

_LONGEST_WHOLE = 40  # letters of a name that is not folded, such as a run's id
_NARROWEST = 10  # letters that any other column is left with
_HELD = "\ue000"  # for the space before a unit while a table is laid out: no line ends there


def printer(*, err: bool = False) -> Console:
    """Return a console as wide as the terminal or ``COLUMNS``, else 80 columns."""
    return Console(stderr=err, highlight=False)


def print_json(content: Any) -> None:
    """Print JSON for a machine, and nothing else."""
    sys.stdout.write(json.dumps(content, indent=2, default=str, allow_nan=False) + "\n")


def print_table(
    console: Console,
    rows: Sequence[Mapping[str, str]],
    *,
    title: str,
    text: Iterable[str] = (),
    optional: Sequence[str] = (),
) -> None:
    """Print a table of which no name and no figure is cut, however narrow the terminal.

    Parameters
    ----------
    rows
        Cells by the heads of their columns, each row with the same heads.
    text
        Heads of the columns of text, aligned left; all others hold figures.
    optional
        Heads of the columns that may be left out where the terminal is too narrow, the first to
        go first. A line below the table names them.
    """
    heads, text, dropped = list(rows[0]), set(text), []
    table = _table(rows, heads, text, console.width)
    wide = console.options.update_width(1000)  # a measurement never exceeds the width given
    for head in optional:
        if Measurement.get(console, wide, table).maximum <= console.width:
            break
        heads.remove(head)
        dropped.append(head)
        table = _table(rows, heads, text, console.width)
    console.print(title, style="bold")  # a table's own title wraps at the table's width
    console.print(_LaidOut(table))
    if dropped:
        console.print(f"  wider terminals also show {', '.join(reversed(dropped))}", style="dim")


class _LaidOut:
    """A table whose spaces before units are spaces again, once its lines are broken."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style, control in console.render(self._table, options):
            yield Segment(text.replace(_HELD, " "), style, control)


def _table(
    rows: Sequence[Mapping[str, str]], heads: Sequence[str], text: set[str], width: int
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    whole = _whole(rows, heads, width)
    for head in heads:
        table.add_column(
            textwrap.fill(head, _widest(rows, head)), no_wrap=head in whole, overflow="fold",
            justify="left" if head in text else "right",
        )  # fmt: skip
    for row in rows:
        table.add_row(*[row[head].replace(" %", f"{_HELD}%") for head in heads])
    return table


def _whole(rows: Sequence[Mapping[str, str]], heads: Sequence[str], width: int) -> set[str]:
    """Name the columns of names and figures, whose cells are not to be folded if that can be."""
    whole = {
        head for head in heads
        if all(
            len(row[head]) <= _LONGEST_WHOLE and " " not in row[head].replace(" %", "%")
            for row in rows
        )
    }  # fmt: skip
    needed = sum(_widest(rows, head) + 2 if head in whole else _NARROWEST for head in heads)
    return whole if needed <= width else set()


def _widest(rows: Sequence[Mapping[str, str]], head: str) -> int:
    """Return the letters of a column's longest line, its head broken between words."""
    cells = (line for row in rows for line in row[head].splitlines())
    return max(len(part) for part in [*head.split(), *cells, " "])

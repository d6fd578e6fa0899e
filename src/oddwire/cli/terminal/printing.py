"""What people see in a terminal: tables, progress bars, one line for an error."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from oddwire.operations.progress import watched_by

_LEADERBOARD = {
    "detector": "detector",
    "validation": "validation",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "f1": "F1",
    "recall_at_fpr_0.01": "recall at 1 % FPR",
    "false_positive_rate": "realised FPR",
    "fit_seconds": "fit s",
    "rows_per_second": "rows/s",
}
_LOG_EVERY = 10.0  # seconds between lines where the output is no terminal


def printer(*, err: bool = False) -> Console:
    """Return a console; wide enough for tables where the output is no terminal."""
    console = Console(stderr=err, highlight=False)
    if not console.is_terminal:
        console = Console(stderr=err, highlight=False, width=max(console.width, 140))
    return console


def print_json(content: Any) -> None:
    """Print JSON for a machine, and nothing else."""
    sys.stdout.write(json.dumps(content, indent=2, default=str, allow_nan=False) + "\n")


def print_leaderboard(rows: Sequence[Mapping[str, Any]], *, title: str) -> None:
    """Print a row per detector, and the reason of every figure that is missing."""
    table = Table(title=title, title_justify="left")
    for name, head in _LEADERBOARD.items():
        table.add_column(head, justify="left" if name == "detector" else "right")
    for row in rows:
        table.add_row(*[_cell(name, row.get(name)) for name in _LEADERBOARD])
    console = printer()
    console.print(table)
    missing: dict[str, set[str]] = {}
    for row in rows:
        for figure, why in (row.get("undefined") or {}).items():
            missing.setdefault(why, set()).add(figure)
    for why, figures in sorted(missing.items()):
        console.print(f"  - {', '.join(sorted(figures))}: {escape(why)}", style="dim")


def _cell(name: str, value: Any) -> str:
    match name, value:
        case _, None:
            return "-"
        case "detector", _:
            return str(value)
        case "rows_per_second", _:
            return f"{value:,.0f}"
        case "fit_seconds", _:
            return f"{value:.1f}"
        case _:
            return f"{value:.4f}"


class Bars:
    """Progress bars in a terminal; plain lines now and then where it is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24),
            MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[note]}"),
            console=console,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self._last_line: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def begin(self, step: str, total: int | None = None) -> None:
        """Begin a bar."""
        with self._lock:
            self._tasks[step] = self._bars.add_task(escape(step), total=total, note="")
        self._line(step, "begins")

    def advance(self, step: str, note: str = "") -> None:
        """One more part is done."""
        with self._lock:
            task = self._tasks.get(step)
            if task is None:
                return
            self._bars.update(task, advance=1, note=escape(note))
            done = self._bars.tasks[self._bars.task_ids.index(task)]
        if time.monotonic() - self._last_line.get(step, 0.0) > _LOG_EVERY:
            counted = f"{done.completed:.0f}" + (f"/{done.total:.0f}" if done.total else "")
            self._line(step, f"{counted} {note}")

    def end(self, step: str, *, failed: bool = False) -> None:
        """End a bar."""
        with self._lock:
            task = self._tasks.pop(step, None)
            if task is None:
                return
            done = self._bars.tasks[self._bars.task_ids.index(task)]
            note, parts = done.fields["note"], max(int(done.completed), 1)
            if failed:
                self._bars.update(task, note="failed")
            else:
                self._bars.update(task, total=parts, completed=parts)
            self._bars.stop_task(task)
        ended = "failed after" if failed else "done in"
        self._line(step, f"{ended} {done.elapsed or 0.0:.1f} s {note}")

    def _line(self, step: str, text: str) -> None:
        self._last_line[step] = time.monotonic()
        if not self._console.is_terminal:
            self._console.print(f"{escape(step)}: {escape(text)}".rstrip())


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[None]:
    """Show the progress of everything inside on standard error, unless a machine reads."""
    if quiet:
        yield
        return
    with Bars(printer(err=True)) as bars, watched_by(bars):
        yield

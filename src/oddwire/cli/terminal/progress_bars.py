"""Progress on standard error: bars in a terminal, lines now and then elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich import progress as rich_progress
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from oddwire.cli.terminal.printing import printer
from oddwire.operations.progress import Progress, step, watched_by
from oddwire.traffic.wire_text import printable

_LINE_EVERY = 10.0  # seconds between the lines of a step where the output is no terminal


class Bars(Progress):
    """Progress bars in a terminal; plain lines now and then where it is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = rich_progress.Progress(
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
        """Count one more part as done."""
        with self._lock:
            task = self._tasks.get(step)
            if task is None:
                return
            self._bars.update(task, advance=1, note=escape(note))
            done = self._bars.tasks[self._bars.task_ids.index(task)]
        if time.monotonic() - self._last_line.get(step, 0.0) > _LINE_EVERY:
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

    def remark(self, sentence: str) -> None:
        """Print it above the bars."""
        self._console.print(f"note: {escape(printable(sentence))}", soft_wrap=True)

    def _line(self, step: str, text: str) -> None:
        self._last_line[step] = time.monotonic()
        if not self._console.is_terminal:
            self._console.print(f"{escape(step)}: {escape(text)}".rstrip(), soft_wrap=True)


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[None]:
    """Show the progress of everything inside on standard error; if ``quiet``, to a person alone."""
    console = printer(err=True)
    if quiet and not console.is_terminal:
        yield
        return
    with Bars(console) as bars, watched_by(bars):
        yield


@contextmanager
def shown_step(name: str, *, quiet: bool = False) -> Iterator[None]:
    """Show one step from its beginning, the import of heavy libraries with it."""
    with shown_progress(quiet=quiet), step(name):
        yield

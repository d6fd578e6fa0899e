"""How far a long step is, for whoever watches: a terminal shows bars, a server keeps log lines.

Steps report to the listener of their context, so they need not know who watches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from oddwire.traffic.wire_text import printable


class Progress:
    """Who watches; this one does nothing with what it is told."""

    def begin(self, step: str, total: int | None = None) -> None:
        """Begin a step, of ``total`` parts where they can be counted."""

    def advance(self, step: str, note: str = "") -> None:
        """One more part of the step is done."""

    def end(self, step: str, *, failed: bool = False) -> None:
        """End a step."""

    def remark(self, sentence: str) -> None:
        """Hear of something that is no error and should be known."""

    def begin_wait(self, reason: str) -> None:
        """Begin to wait for something else to end."""
        self.begin(reason)

    def end_wait(self, reason: str) -> None:
        """End the waiting."""
        self.end(reason)


class RemarksAlone(Progress):
    """Keeps the steps of one part of many to itself, and hands its remarks on."""

    def __init__(self, watcher: Progress) -> None:
        self._watcher = watcher

    def remark(self, sentence: str) -> None:
        """Hand it on."""
        self._watcher.remark(sentence)


_watcher: ContextVar[Progress] = ContextVar("oddwire_progress", default=Progress())  # noqa: B039 - it has no state


def progress() -> Progress:
    """Return whoever watches in this context."""
    return _watcher.get()


@contextmanager
def watched_by(watcher: Progress) -> Iterator[None]:
    """Let ``watcher`` see the progress of everything inside."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


@contextmanager
def step(name: str, total: int | None = None) -> Iterator[None]:
    """One step, begun and ended even where it fails; its name may hold a file's."""
    name = printable(name)
    progress().begin(name, total)
    try:
        yield
    except BaseException:
        progress().end(name, failed=True)
        raise
    progress().end(name)


@contextmanager
def waiting(reason: str) -> Iterator[None]:
    """Wait inside for something else to end, and let whoever watches know for what."""
    progress().begin_wait(reason)
    try:
        yield
    finally:
        progress().end_wait(reason)

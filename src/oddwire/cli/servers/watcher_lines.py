"""Watched sources under `oddwire up`: a line at each change, a new run for one that died.

A loop that ends is started again by its run. Here it is the run's process that was killed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from oddwire.errors import ServiceError
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from flows.watchers import Watcher
    from oddwire.live.supervising.restarts import Restarts

_CRASHED = "Crashed"
_EVERY = 5.0  # seconds between looks
_LONGEST = 300
_MOST_AN_HOUR = 6  # runs of a source that are started again


def tell_of_watchers(
    page: str, sources: Sequence[str], console: Console, ended: threading.Event
) -> None:
    """Print how the sources that are to be watched stand, until all ends.

    A run that crashes meanwhile is asked for again, some times within an hour.

    A thread asks: a server that is slow to answer keeps nobody from ending it.

    Parameters
    ----------
    page
        Address of the Prefect page.
    sources
        Those that are to be watched.
    ended
        Set when all is to end.
    """
    if not sources:
        return
    names = ", ".join(sources)
    console.print(f"Watched         {names}", markup=False, soft_wrap=True)
    asking = threading.Thread(target=_look, args=(page, sources, console, ended), daemon=True)
    asking.start()


def _look(page: str, sources: Sequence[str], console: Console, ended: threading.Event) -> None:
    from flows.watchers import start_again, watchers

    api = f"{page}/api"
    lines = WatcherLines(page, console, lambda source: start_again(api, source))
    while not ended.wait(_EVERY):
        with suppress(ServiceError):  # it is busy: the next look
            found = watchers(api, sources)
            if not ended.is_set():
                lines.take(found)


class WatcherLines:
    """Tells what has changed from look to look, and has runs that crashed started again.

    Parameters
    ----------
    page
        Address of the Prefect page.
    console
        Where lines are printed.
    start_again
        Asks for a run of a source; may raise a `ServiceError`, and is then called again at the
        next look.
    """

    def __init__(self, page: str, console: Console, start_again: Callable[[str], None]) -> None:
        self._page, self._console, self._start_again = page, console, start_again
        self._known: dict[str, Watcher] = {}
        self._restarts: dict[str, Restarts] = {}
        self._to_start: list[str] = []

    def take(self, found: Iterable[Watcher]) -> None:
        """Take how the runs stand now."""
        for watcher in found:
            before = self._known.get(watcher.source)
            if watcher == before:
                continue
            self._known[watcher.source] = watcher
            if before is None and _has_crashed(watcher):
                continue  # of an earlier `up`, which may have been ended in order: another begins
            self._tell(watcher, is_new=before is None or before.run != watcher.run)
            # What had crashed before the first look is none of ours: its run was asked for anew.
            if before is not None and _has_crashed(watcher) and not (
                _has_crashed(before) and before.run == watcher.run
            ):  # fmt: skip
                self._crashed(watcher.source)
        while self._to_start:
            self._start_again(self._to_start[0])
            del self._to_start[0]

    def _crashed(self, source: str) -> None:
        from oddwire.live.supervising.restarts import Restarts

        if self._restarts.setdefault(source, Restarts(_MOST_AN_HOUR)).wait(0) is not None:
            self._to_start.append(source)
            return
        times = f"{_MOST_AN_HOUR + 1} times within an hour"
        self._print(f"  {source} crashed {times}, and is not started again: oddwire doctor")

    def _tell(self, watcher: Watcher, *, is_new: bool) -> None:
        message = f": {printable(watcher.message, _LONGEST)}" if watcher.message else ""
        self._print(f"  {watcher.source} {printable(watcher.state).lower()}{message}")
        if is_new:
            self._print(f"  {self._page}/runs/flow-run/{watcher.run}")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


def _has_crashed(watcher: Watcher) -> bool:
    return watcher.state == _CRASHED

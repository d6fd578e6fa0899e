"""Watched sources under `oddwire up`: a line at each change, a new run for one that died.

A loop that ends is started again by its run. Here it is the run's process that was killed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from oddwire.errors import ServiceError
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from flows.watchers import Watcher

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
    from oddwire.live.supervising.restarts import Restarts

    restarts = {source: Restarts(_MOST_AN_HOUR) for source in sources}
    known: dict[str, Watcher] = {}
    while not ended.wait(_EVERY):
        with suppress(ServiceError):  # it is busy: the next look
            for watcher in watchers(f"{page}/api", sources):
                before = known.get(watcher.source)
                if watcher == before or ended.is_set():
                    continue
                is_new = before is None or before.run != watcher.run
                _print(watcher, page if is_new else "", console)
                may_start = not is_new and watcher.state == _CRASHED
                if may_start and restarts[watcher.source].wait(0) is not None:
                    start_again(f"{page}/api", watcher.source)
                known[watcher.source] = watcher


def _print(watcher: Watcher, page: str, console: Console) -> None:
    message = f": {printable(watcher.message, _LONGEST)}" if watcher.message else ""
    line = f"  {watcher.source} {printable(watcher.state).lower()}{message}"
    console.print(line, markup=False, soft_wrap=True)
    if page:
        console.print(f"  {page}/runs/flow-run/{watcher.run}", markup=False, soft_wrap=True)

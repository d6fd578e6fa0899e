"""Flow runs that a killed process left running: ended before anything new begins."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from oddwire.errors import ServiceError
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from rich.console import Console

_MOST_NAMED = 3


def end_left_runs(api: str, console: Console, *, own_server: bool = False) -> None:
    """End them as crashed, and say so in one line.

    Parameters
    ----------
    api, own_server
        As `flows.orphans.end_orphans` has them.
    """
    from rich.markup import escape

    from flows.orphans import end_orphans

    # A server that is busy is no reason not to begin: the next start does it.
    with suppress(ServiceError):
        ended = end_orphans(api, own_server=own_server)
        if ended:
            console.print(escape(_sentence([run.name for run in ended])), soft_wrap=True)


def _sentence(names: Sequence[str]) -> str:
    runs = "1 flow run" if len(names) == 1 else f"{len(names)} flow runs"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    named = ", ".join(printable(name) for name in names[:_MOST_NAMED])
    return f"ended as crashed {runs} whose process was killed: {named}{more}"

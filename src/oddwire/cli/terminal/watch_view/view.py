"""The three views of `oddwire watch`, and which of them suits where the output goes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.live import Live

from oddwire.cli.terminal.printing import printer
from oddwire.cli.terminal.watch_view.screen import (
    MOST_INCIDENTS,
    screen,
    shown,
    who,
)
from oddwire.live.alerts.words import counted, utc

if TYPE_CHECKING:
    from oddwire.live.alerts.incident import Incident
    from oddwire.live.alerts.incidents import Change
    from oddwire.live.vitals.heartbeat import Heartbeat
    from oddwire.live.watching.view import WatchView

LINE_EVERY = 60.0  # seconds between lines where the output is no terminal
_SECOND = 1_000_000  # microseconds


def watch_view(*, as_json: bool, every: float = LINE_EVERY) -> WatchView:
    """Return the view that suits where standard output goes.

    Parameters
    ----------
    as_json
        Whether JSON is asked for.
    every
        Seconds between lines where it is no terminal.
    """
    if as_json:
        return JsonView()
    console = printer()
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console)
    return PlainView(console, every=every)


class JsonView:
    """Each heartbeat as a line of JSON on standard output, and nothing else there."""

    def show(self, heartbeat: Heartbeat, incidents: Sequence[Incident]) -> None:  # noqa: ARG002
        """Write the heartbeat."""
        sys.stdout.write(f"{heartbeat.to_json()}\n")
        sys.stdout.flush()

    def incident(self, change: Change) -> None:
        """Write nothing: heartbeats count them."""

    def notice(self, text: str) -> None:
        """Write it to standard error; heartbeats have it too."""
        sys.stderr.write(f"{shown(text)}\n")

    def close(self) -> None:
        """Leave standard output as it is."""


class PlainView:
    """A line for a heartbeat now and then, and for each incident that is opened or closed."""

    def __init__(
        self,
        console: Console,
        *,
        every: float = LINE_EVERY,
        ticks: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._console, self._every, self._ticks, self._clock = console, every, ticks, clock
        self._next, self._untold = ticks(), ""

    def show(self, heartbeat: Heartbeat, incidents: Sequence[Incident]) -> None:  # noqa: ARG002
        """Print a line, if it is time for one."""
        self._untold = _line(heartbeat)
        if self._ticks() >= self._next or heartbeat.state == "stopped":
            self._next = self._ticks() + self._every
            self._tell()

    def incident(self, change: Change) -> None:
        """Print what was opened or closed."""
        one = change.incident
        if change.what == "updated":
            return
        when = one.opened if change.what == "opened" else one.closed
        alerts = "" if change.what == "opened" else f", {counted(one.count, 'alert')}"
        at = "" if when is None else f", at {utc(when)} by its log"
        text = f"{change.what} incident {one.id[:12]}: {one.severity.word} {one.kind.value}"
        # Lines begin with this machine's clock, all of them.
        now = utc(round(self._clock() * _SECOND))
        self._print(f"{now}  {text}, {who(one)}{alerts}{at}")

    def notice(self, text: str) -> None:
        """Print it."""
        self._print(f"note: {shown(text)}")

    def close(self) -> None:
        """Print how it stood at last, if that was not told."""
        self._tell()

    def _tell(self) -> None:
        if self._untold:
            self._print(self._untold)
            self._untold = ""

    def _print(self, line: str) -> None:
        # One line each, however long: logs are read by lines.
        self._console.print(line, markup=False, soft_wrap=True)
        self._console.file.flush()


class LiveView:
    """A screen that is drawn anew with each heartbeat; it stays when the command ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # No thread of its own: what is drawn comes with the heartbeats.
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._live.start()

    def show(self, heartbeat: Heartbeat, incidents: Sequence[Incident]) -> None:
        """Draw it."""
        self._live.update(self._fitting(heartbeat, incidents), refresh=True)

    def _fitting(self, heartbeat: Heartbeat, incidents: Sequence[Incident]) -> RenderableType:
        """Draw as many incidents as leave room for all else: rich cuts what is too high."""
        plain = self._console.options.ascii_only
        for most in range(MOST_INCIDENTS, 0, -1):
            drawn = screen(heartbeat, incidents, most=most, plain=plain)
            if len(self._console.render_lines(drawn, pad=False)) <= self._console.height:
                return drawn
        return screen(heartbeat, incidents, most=0, plain=plain)

    def incident(self, change: Change) -> None:
        """Draw nothing: the next heartbeat has it on the screen."""

    def notice(self, text: str) -> None:
        """Draw nothing: the heartbeats have it."""

    def close(self) -> None:
        """Leave the last screen, and give the terminal back."""
        self._live.stop()


def _line(heartbeat: Heartbeat) -> str:
    parts = [
        counted(heartbeat.rows, "connection"), f"{heartbeat.rows_per_second:,.0f}/s",
        heartbeat.how_far, f"{heartbeat.refused:,} refused", f"{heartbeat.late:,} late",
        counted(heartbeat.alerts, "alert"),
        counted(heartbeat.incidents["opened"], "incident"),
        f"{heartbeat.incidents['open']:,} open",
    ]  # fmt: skip
    if heartbeat.dropped:
        parts.append(f"{heartbeat.dropped:,} dropped from time windows")
    parts += [
        f"sink {shown(sink.called)}: {sink.waiting:,} waiting, {sink.dead:,} dead"
        + (f", {shown(sink.trouble)}" if sink.in_trouble else "")
        for sink in heartbeat.sinks
        if sink.in_trouble or sink.dead
    ]
    line = f"{utc(heartbeat.at)}  {shown(heartbeat.source)} {heartbeat.state}: {', '.join(parts)}"
    return f"{line}; {shown(heartbeat.calibration)}" if heartbeat.calibration else line

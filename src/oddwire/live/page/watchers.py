"""What each watcher is doing, from its heartbeats."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from oddwire.errors import DataError
from oddwire.live.alerts.words import UNKNOWN, counted, utc
from oddwire.live.state import Beat
from oddwire.live.vitals.dead_man import silent_watchers
from oddwire.live.vitals.heartbeat import Heartbeat

Health = Literal["running", "trouble", "quiet", "silent", "stopped"]
_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Watcher:
    """How a source is watched.

    Parameters
    ----------
    source
        Its name.
    at
        When its last heartbeat came, in microseconds since 1970.
    silence
        What is wrong where none came that should have; None where nothing is.
    beat
        What that said; None where it cannot be read.
    suppressed
        Its stored alerts that the allow-list keeps from being sent.
    """

    source: str
    at: int
    silence: str | None
    beat: Heartbeat | None
    suppressed: int = 0

    @property
    def health(self) -> Health:
        """``silent`` where no heartbeat comes though nobody stopped it."""
        if self.beat is not None and self.beat.state == "stopped":
            return "stopped"
        if self.silence is not None or self.beat is None:
            return "silent"
        if self.beat.calibration or any(sink.in_trouble for sink in self.beat.sinks):
            return "trouble"
        return "quiet" if self.beat.state == "quiet" else "running"

    @property
    def headline(self) -> str:
        """Its health in a sentence."""
        return {
            "running": "It is running.",
            "trouble": "It is running, and something needs a look.",
            "quiet": (
                f"It is running, and no connection has come since {self._last_row}, by the "
                "watcher's clock."
            ),
            "silent": f"It is silent: {self.silence or 'its heartbeat says nothing'}.",
            "stopped": f"It was stopped at {utc(self.at)}, by the watcher's clock.",
        }[self.health]

    @property
    def summary(self) -> str:
        """How it stands in a few words."""
        if self.health in {"silent", "stopped"} or self.beat is None:
            return f"{self.health} since {utc(self.at)}"
        far = "" if self.beat.behind is None else f" · {self.beat.how_far}"
        opened = f" · {self.beat.incidents.get('open', 0):,} open"
        return f"{self.health} · {self.beat.rows_per_second:,.0f} connections/s{far}{opened}"

    @property
    def troubles(self) -> list[str]:
        """What needs a look."""
        if self.beat is None:
            return ["Its heartbeat cannot be read: another version of oddwire may have written it."]
        told = [self.beat.calibration] if self.beat.calibration else []
        for sink in self.beat.sinks:
            if sink.in_trouble:
                since = "" if sink.since is None else f" since {utc(sink.since)}"
                told.append(f"Sink {sink.name}{since}: {sink.trouble}")
        return told

    @property
    def facts(self) -> Iterator[tuple[str, str]]:
        """Names and values to list."""
        if (beat := self.beat) is None:
            return
        yield "Speed", f"{beat.rows_per_second:,.0f} connections/s"
        if beat.newest is not None:
            yield "Newest connection", f"{utc(beat.newest)} by its log; {beat.how_far}"
        for period in ("day", "week"):
            if lately := beat.observed.get(period):
                yield f"Last {period}", lately.in_words(beat.target)
        yield (
            "Incidents",
            (f"{beat.incidents.get('open', 0):,} open, {beat.incidents.get('opened', 0):,} so far"),
        )
        yield (
            "Alerts",
            f"{beat.alerts:,} so far; {self.suppressed:,} suppressed among those stored",
        )
        yield (
            "Connections",
            (f"{beat.rows:,} scored, {beat.refused:,} lines refused, {beat.late:,} late"),
        )
        if beat.dropped:
            dropped = counted(beat.dropped, "connection")
            yield "Dropped", f"{dropped} out of time windows, by the cap on memory"
        model = beat.model
        yield "Model", f"{model['name']} version {model['version']}" if model else UNKNOWN
        yield "Started", f"{utc(beat.started)} by the watcher's clock, process {beat.pid}"

    @property
    def _last_row(self) -> str:
        return utc(self.beat.last_row_at if self.beat else None)


def watchers(
    beats: Iterable[Beat], suppressed: Mapping[str, int] = MappingProxyType({})
) -> list[Watcher]:
    """Read heartbeats, and see which have become old.

    Parameters
    ----------
    suppressed
        As of `AlertStore.suppressed`.
    """
    told, now = list(beats), time.time()
    silent = {one.source: one.problem(now) for one in silent_watchers(told, now)}
    return [
        Watcher(
            beat.source, round(beat.at * _MICROSECONDS), silent.get(beat.source), _read(beat),
            suppressed.get(beat.source, 0),
        )
        for beat in told
    ]  # fmt: skip


def _read(beat: Beat) -> Heartbeat | None:
    try:
        return Heartbeat.from_json(beat.content)
    except DataError:
        return None

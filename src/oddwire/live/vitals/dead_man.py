"""Watchers that have died: they cannot say so, but others see that their heartbeats stop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oddwire.durations import in_time
from oddwire.errors import DataError
from oddwire.live.alerts.formats.wording import iso_time
from oddwire.live.state import Beat
from oddwire.live.vitals.heartbeat import Heartbeat

MOST_SECONDS = 60.0  # without a heartbeat: there is one every few seconds
_SECOND = 1_000_000  # microseconds


@dataclass(frozen=True)
class SilentWatcher:
    """A source that nobody watches any more.

    Parameters
    ----------
    source
        Its name.
    since
        When its last heartbeat was, in seconds since 1970.
    last
        That heartbeat; with the source and the time alone, where it cannot be read.
    """

    source: str
    since: float
    last: Heartbeat

    def problem(self, now: float) -> str:
        """Say what is wrong, for a person."""
        if now < self.since:
            ahead = in_time((self.since - now) / 60)
            return f"its last heartbeat is {ahead} ahead of this clock: one of the two is wrong"
        when = (iso_time(round(self.since * _SECOND)) or "long ago")[:19].replace("T", " ")
        return (
            f"no heartbeat for {in_time((now - self.since) / 60)}, since {when} UTC: what watched "
            f"it has died or hangs (process {self.last.pid})"
        )


def silent_watchers(
    beats: Iterable[Beat], now: float, most_seconds: float = MOST_SECONDS
) -> list[SilentWatcher]:
    """Return the watchers whose last heartbeat is too old, in the order of the heartbeats.

    A process that ended as it should has said so, and is none of them. A heartbeat from the future
    is one: a clock was set, and nobody can tell how old it is.

    Parameters
    ----------
    beats
        The last of each source.
    now
        The wall clock, in seconds since 1970.
    most_seconds
        How old it may be.
    """
    return [
        SilentWatcher(beat.source, beat.at, last)
        for beat, last in ((beat, read_beat(beat)) for beat in beats)
        if last.state != "stopped" and abs(now - beat.at) > most_seconds
    ]


def read_beat(beat: Beat) -> Heartbeat:
    """Return what a heartbeat says; of one that cannot be read, whose it is and when it was."""
    try:
        return Heartbeat.from_json(beat.content)
    except DataError:
        return Heartbeat(source=beat.source, at=round(beat.at * _SECOND))

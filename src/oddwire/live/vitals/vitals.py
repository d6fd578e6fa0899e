"""What the loop tells of itself as it goes, from which its heartbeats are made."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from oddwire.live.alerts.formats.quiet import Quiet
from oddwire.live.state import SinkState
from oddwire.live.vitals.heartbeat import Heartbeat, Lately, SinkBeat, State
from oddwire.traffic.wire_text import printable

QUIET_MINUTES = 15.0  # as `watch.quiet_minutes` by default
_LATELY = 10.0  # seconds that the rate is of
_MOST_NOTICES, _LONGEST_NOTICE = 5, 300
_SECOND = 1_000_000  # microseconds

_COUNTS = ("rows", "refused", "late", "dropped", "alerts", "opened")


class Vitals:
    """Counts what was done, and knows since when nothing was.

    Parameters
    ----------
    source
        The name of the source.
    model
        ``name`` and ``version`` of the model that scores; a new champion is set as `model`.
    target
        As `Target.to_dict`.
    quiet_minutes
        After which a source without a connection is quiet.
    clock
        The wall clock, in seconds since 1970. Times of day are told by it.
    ticks
        A clock that nobody sets, in seconds: how long ago something was is reckoned by it.
    """

    def __init__(
        self,
        source: str,
        model: Mapping[str, str] | None = None,
        target: Mapping[str, float] | None = None,
        *,
        quiet_minutes: float = QUIET_MINUTES,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.quiet_minutes = source, quiet_minutes
        self.model, self.target = dict(model or {}), dict(target or {})
        self.calibration: str | None = None
        self.observed: Mapping[str, Lately | None] = {"day": None, "week": None}
        self.suppressed = 0  # stored alerts: the allow-list changes while they are stored
        self.quiet_since: int | None = None  # once sinks were told, while it lasts
        self.scored_since_told = False
        self._clock, self._ticks = clock, ticks
        self._started, self._begun = self.now, ticks()
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._open = 0
        self._newest: int | None = None
        self._last_row_at: int | None = None
        self._last_row = self._begun
        self._lately: deque[tuple[float, int]] = deque()  # (when, rows)
        self._sinks: tuple[SinkBeat, ...] = ()
        self._notices: deque[str] = deque(maxlen=_MOST_NOTICES)
        self._lasting: tuple[str, ...] = ()
        self._stopped = False

    @property
    def now(self) -> int:
        """The wall clock, in microseconds since 1970."""
        return round(self._clock() * _SECOND)

    @property
    def counts(self) -> Mapping[str, int]:
        """What was counted since the source was first watched, by the names of `batch`."""
        return dict(self._counts)

    def batch(
        self,
        *,
        rows: int = 0,
        refused: int = 0,
        late: int = 0,
        dropped: int = 0,
        newest: int | None = None,
        alerts: int = 0,
        opened: int = 0,
        now_open: int | None = None,
    ) -> None:
        """Count what a micro-batch brought, just before its commit, which keeps the counts.

        Parameters
        ----------
        rows, refused, late, dropped, alerts, opened
            As many more.
        newest
            The clock of the rows, in microseconds since 1970; None where it is not known.
        now_open
            How many incidents are open now; None leaves it as it was.
        """
        more = (rows, refused, late, dropped, alerts, opened)
        for name, count in zip(_COUNTS, more, strict=True):
            self._counts[name] += count
        if newest is not None:
            self._newest = newest
        if now_open is not None:
            self._open = now_open
        if rows:
            self.scored_since_told = True
            self._last_row_at, self._last_row = self.now, self._ticks()
            self._lately.append((self._last_row, rows))
            self._forget()

    def sinks(self, states: Iterable[SinkState], present: Container[str] | None = None) -> None:
        """Take over how the sinks stand, as the store tells it.

        Parameters
        ----------
        present
            Those of this run, None for all. Others are passed over, unless messages wait for them
            or were refused by them.
        """
        self._sinks = tuple(
            SinkBeat(
                name=printable(one.name, _LONGEST_NOTICE), waiting=one.waiting,
                delivered=one.delivered, dropped=one.dropped, dead=one.dead,
                trouble=printable(one.trouble, _LONGEST_NOTICE),
                since=None if one.since is None else round(one.since * _SECOND),
                present=present is None or one.name in present,
            )
            for one in states
            if present is None or one.name in present or one.waiting or one.dead
        )  # fmt: skip

    def notice(self, text: str) -> None:
        """Keep a sentence for people; of many, the newest."""
        self._notices.append(_sentence(text))

    def lasting(self, troubles: Iterable[str]) -> None:
        """Take over what is wrong for as long as it is: no newer notice takes its place."""
        self._lasting = tuple(map(_sentence, troubles))

    def told(self, quiet: Quiet) -> None:
        """Note that sinks are told that the source is quiet, or goes on."""
        self.quiet_since = quiet.since if quiet.what == "quiet" else None
        self.scored_since_told = False

    def stopped(self) -> None:
        """Note that the process ends as it should: nobody need miss it."""
        self._stopped = True

    @property
    def quiet_seconds(self) -> float:
        """How long no connection has been scored, in this process."""
        return self._ticks() - self._last_row

    @property
    def last_at(self) -> int:
        """When the last connection was scored; before the first, when the process started."""
        return self._started if self._last_row_at is None else self._last_row_at

    @property
    def state(self) -> State:
        """How it goes."""
        if self._stopped:
            return "stopped"
        return "quiet" if self.quiet_seconds >= 60 * self.quiet_minutes else "running"

    def heartbeat(self) -> Heartbeat:
        """Return how it stands now."""
        now, counts = self.now, dict(self._counts)
        opened = counts.pop("opened")
        lag = None if self._newest is None else (now - self._newest) / _SECOND
        return Heartbeat(
            source=self.source, at=now, started=self._started, state=self.state, pid=os.getpid(),
            model=dict(self.model), **counts, suppressed=self.suppressed,
            rows_per_second=self._rate(), lag_seconds=lag,
            newest=self._newest, incidents={"opened": opened, "open": self._open},
            last_row_at=self._last_row_at, target=dict(self.target),
            observed=dict(self.observed), sinks=self._sinks, calibration=self.calibration,
            notices=self._told_now(),
        )  # fmt: skip

    def _told_now(self) -> tuple[str, ...]:
        room = max(_MOST_NOTICES - len(self._lasting), 0)
        others = list(self._notices)
        return (*others[max(len(others) - room, 0) :], *self._lasting)

    def _rate(self) -> float:
        self._forget()
        since = max(min(self._ticks() - self._begun, _LATELY), 1.0)
        return sum(rows for _, rows in self._lately) / since

    def _forget(self) -> None:
        while self._lately and self._lately[0][0] < self._ticks() - _LATELY:
            self._lately.popleft()

    def to_dict(self) -> dict[str, Any]:
        """Return what goes on after a restart, for JSON."""
        return {
            "counts": dict(self._counts), "newest": self._newest,
            "last_row_at": self._last_row_at, "quiet_since": self.quiet_since,
        }  # fmt: skip

    def go_on(self, content: Mapping[str, Any]) -> None:
        """Go on counting from what `to_dict` returned."""
        kept = content["counts"]
        self._counts = {name: int(kept.get(name, 0)) for name in _COUNTS}
        self._newest, self._last_row_at = content["newest"], content["last_row_at"]
        self.quiet_since = content["quiet_since"]


def _sentence(text: str) -> str:
    return printable(" ".join(text.split()), _LONGEST_NOTICE)

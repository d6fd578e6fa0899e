"""A heartbeat: what `oddwire watch` says of itself every few seconds, as one line of JSON."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from oddwire.durations import in_time
from oddwire.errors import DataError
from oddwire.evaluation.observed import Verdict
from oddwire.evaluation.target_lines import alerts_in_words, amount
from oddwire.live.alerts.formats.wording import iso_time
from oddwire.live.alerts.words import utc

State = Literal["running", "quiet", "stopped"]
_TIMES = ("at", "started", "newest", "last_row_at")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND = 1_000_000  # microseconds
_LATE, _OLD = 10.0, 86_400.0  # seconds behind: from when on a source is late, and a log is old


@dataclass(frozen=True)
class Lately:
    """What was observed of the rows of the last day or week.

    Parameters
    ----------
    name, value, low, high
        The figure in the target's unit, with its 95 % interval; of all alerts, since nobody says
        which are false.
    verdict
        Whether that is above or below the target, or within chance of it; None without one.
    days
        Days of traffic that it is of.
    incidents, alerts
        As many were opened and raised.
    """

    name: str
    value: float
    low: float
    high: float
    verdict: Verdict | None
    days: float
    incidents: int
    alerts: int

    def in_words(self, target: Mapping[str, float]) -> str:
        """Return the figure in a sentence, beside the target where that is in its unit."""
        told = alerts_in_words(self.name, self.value, self.low, self.high)
        if self.name not in target:
            return told
        return f"{told}; the target of benign traffic is {amount(self.name, target[self.name])}"


@dataclass(frozen=True)
class SinkBeat:
    """How a sink stands.

    Parameters
    ----------
    waiting, delivered, dropped, dead, trouble
        As of `SinkState`.
    since
        When the trouble began, in microseconds since 1970.
    present
        Whether it is one of this run's; what waits for one of an earlier run goes on waiting.
    """

    name: str
    waiting: int = 0
    delivered: int = 0
    dropped: int = 0
    dead: int = 0
    trouble: str = ""
    since: int | None = None
    present: bool = True

    @property
    def in_trouble(self) -> bool:
        """Whether it takes nothing though it should."""
        return self.present and bool(self.trouble)

    @property
    def called(self) -> str:
        """Its name, and that it is of an earlier run."""
        return self.name if self.present else f"{self.name} (of an earlier run)"


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """How `oddwire watch` of a source stands. All times are microseconds since 1970.

    Counts are since the source was first watched, and go on after a restart; all but `suppressed`.

    Parameters
    ----------
    source
        Its name.
    at, started
        Of this heartbeat, and of the process.
    state
        ``quiet`` where nothing came for the minutes that are set.
    pid
        Of the process.
    model
        ``name`` and ``version``; empty until one is loaded.
    rows, refused, late, dropped
        Connections scored; lines not read; connections that ended more than ten minutes before
        they were known; connections that a cap took out of time windows before their time.
    rows_per_second
        Of the last ten seconds.
    lag_seconds, newest
        How far the clock of the rows is behind the wall's, and where it is; None before the first.
    alerts
        As many were raised.
    suppressed
        Stored alerts that the allow-list keeps from being sent, as it stands now: those that
        `oddwire alerts --suppressed` lists.
    incidents
        How many were ``opened``, and are ``open``.
    last_row_at
        When the last connection was scored, by the wall clock.
    target
        As `Target.to_dict`.
    observed
        Of the last ``day`` and ``week``; None where it is not known.
    sinks
        How they stand.
    calibration
        What is wrong with it, and the remedy; None where nothing is known to be.
    notices
        The last few, the newest last.
    """

    source: str
    at: int
    started: int | None = None
    state: State = "running"
    pid: int = 0
    model: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    refused: int = 0
    late: int = 0
    dropped: int = 0
    rows_per_second: float = 0.0
    lag_seconds: float | None = None
    newest: int | None = None
    alerts: int = 0
    suppressed: int = 0
    incidents: Mapping[str, int] = field(default_factory=lambda: {"opened": 0, "open": 0})
    last_row_at: int | None = None
    target: Mapping[str, float] = field(default_factory=dict)
    observed: Mapping[str, Lately | None] = field(
        default_factory=lambda: {"day": None, "week": None}
    )
    sinks: tuple[SinkBeat, ...] = ()
    calibration: str | None = None
    notices: tuple[str, ...] = ()

    @property
    def behind(self) -> float | None:
        """Seconds that the rows were behind when the last one was scored; None where not known.

        That nothing has come since is no lag: the source is quiet.
        """
        if self.newest is None or self.last_row_at is None:
            return self.lag_seconds
        return (self.last_row_at - self.newest) / _SECOND

    @property
    def is_late(self) -> bool:
        """Whether rows come late. By the clock of an old log, which is read now, nothing does."""
        return self.behind is not None and _LATE <= self.behind < _OLD

    @property
    def how_far(self) -> str:
        """How far the rows are behind, in words."""
        if self.behind is None:
            return "no lag known"
        if self.behind < 0:
            return f"rows {in_time(-self.behind / 60)} ahead of this clock"
        if self.behind >= _OLD:
            reading = "read" if self.state == "stopped" else "reading"
            return f"{reading} a log of {utc(self.newest)[:10]}"
        if self.behind < 1:
            return f"lag {self.behind:.1f} s"
        return f"lag {in_time(self.behind / 60)}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, with times as ISO 8601 in UTC."""
        content = asdict(self)
        content |= {name: iso_time(content[name]) for name in _TIMES}
        for sink in content["sinks"]:
            sink["since"] = iso_time(sink["since"])
        return content | {name: list(content[name]) for name in ("sinks", "notices")}

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Read back what `to_dict` wrote; what a later version has added is left out.

        Raises
        ------
        DataError
            If it is no heartbeat.
        """
        try:
            known = {name: content[name] for name in cls.__dataclass_fields__ if name in content}
            observed = {
                name: None if one is None else Lately(**one)
                for name, one in content["observed"].items()
            }
            sinks = tuple(
                SinkBeat(**{**one, "since": _microseconds(one["since"])})
                for one in content["sinks"]
            )
            times = {name: _microseconds(content[name]) for name in _TIMES}
            notices = tuple(content["notices"])
            return cls(
                **(known | times | {"observed": observed, "sinks": sinks, "notices": notices})
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"a heartbeat must be what `oddwire watch` wrote, got {error!r:.80}"
            ) from None

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read back what `to_json` wrote; raise `DataError` as `from_dict` does."""
        try:
            content = json.loads(line)
        except ValueError:
            content = None
        return cls.from_dict(content)


def _microseconds(time: str | None) -> int | None:
    if time is None:
        return None
    return (dt.datetime.fromisoformat(time) - _EPOCH) // dt.timedelta(microseconds=1)

"""An incident: the alerts of one campaign, as people are told of them first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from oddwire.live.alerts.alert import Alert, MadeBy, hashed_id
from oddwire.live.alerts.kinds import VAGUE, Kind
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.severity import Severity, severity_of

_SEEN = ("sources", "destinations", "ports", "services")
_MOST_NAMED = 32  # different hosts or ports that an incident names
# More alerts than anyone looks at. Those of a flood cost little where they need no place in a list.
MOST_LISTED = 1_000
MOST_JUDGED = 10_000  # on so many of its alerts a verdict on an incident is kept
State = Literal["open", "closed"]
Why = Literal["quiet", "too many"]


@dataclass(frozen=True)
class Seen:
    """Different values in the order in which they came, the first 32 of them.

    Parameters
    ----------
    values
        The values.
    more
        Whether there were others.
    """

    values: tuple[str, ...] = ()
    more: bool = False

    def and_(self, value: object) -> Seen:
        """Return it with one more value, None being none."""
        if self.more or value is None or str(value) in self.values:
            return self
        if len(self.values) == _MOST_NAMED:
            return replace(self, more=True)
        return replace(self, values=(*self.values, str(value)))

    @property
    def hosts(self) -> str:
        """A host, or how many there are, as ``32 or more hosts``."""
        if not self.values:
            return "unknown"
        return str(self) if len(self.values) == 1 and not self.more else f"{self} hosts"

    def __str__(self) -> str:
        """``a``, or how many there are, as ``32 or more``."""
        if len(self.values) == 1 and not self.more:
            return self.values[0]
        return f"{len(self.values)}{' or more' if self.more else ''}"


@dataclass(frozen=True)
class Incident:
    """One incident, as it stands. Times are microseconds since 1970, on the clock of the rows.

    Parameters
    ----------
    id
        32 hex digits that follow from its first alert.
    made_by
        Of its first alert.
    kind
        What its alerts look like: the first that is not vague.
    unit
        Whom its first alert was counted with; None where unknown.
    opened, last
        When its first and its newest alert could be known; None where rows have no time.
    start, end
        When its first connection began, and the last of them ended; None where unknown.
    count
        Its alerts.
    listed
        How many of them are kept one by one: the first 1,000, each that was explained, and each
        that was the most unusual one when it came. The others are kept together.
    unit_p_value
        The smallest unit p-value of its alerts. So it never rises, and of all benign incidents of a
        day, at most this share of that day's benign units is expected to have one as small,
        however long incidents last and however dependent their alerts are
        (``docs/decisions/0033-incidents.md``).
    severity
        How urgent it is; it never falls.
    sources, destinations, ports, services
        What took part.
    kinds
        How many of its alerts look like what.
    worst
        The id of its most unusual alert.
    reasons
        Of that one; where it was not explained, of the newest more usual one that was.
    state, closed, why
        Whether it goes on; since when not, and why: nothing came for ten minutes, or for an hour
        where a host may be taken (``quiet``), or more incidents were open than are kept
        (``too many``).
    """

    id: str
    made_by: MadeBy
    kind: Kind
    unit: str | None
    opened: int | None
    last: int | None
    start: int | None
    end: int | None
    count: int
    unit_p_value: float
    severity: Severity
    worst: str
    reasons: tuple[Reason, ...]
    sources: Seen = field(default_factory=Seen)
    destinations: Seen = field(default_factory=Seen)
    ports: Seen = field(default_factory=Seen)
    services: Seen = field(default_factory=Seen)
    kinds: Mapping[str, int] = field(default_factory=dict)
    listed: int = 0
    state: State = "open"
    closed: int | None = None
    why: Why | None = None

    @classmethod
    def opened_by(cls, alert: Alert) -> Self:
        """Return the incident that an alert opens."""
        none = cls(
            id=hashed_id("incident", alert.id),
            made_by=alert.made_by,
            kind=alert.kind,
            unit=alert.unit,
            opened=alert.clock,
            last=alert.clock,
            start=alert.start,
            end=alert.end,
            count=0,
            unit_p_value=1.0,
            severity=alert.severity,
            worst=alert.id,
            reasons=alert.reasons,
        )
        return none.joined_by(alert)

    def joined_by(self, alert: Alert) -> Self:
        """Return the incident with one more alert."""
        kind = alert.kind if self.kind in VAGUE and alert.kind not in VAGUE else self.kind
        count = self.count + 1
        unit_p_value = min(self.unit_p_value, alert.unit_p_value)
        severity = severity_of(unit_p_value=unit_p_value, count=count, kind=kind)
        is_worst = count == 1 or alert.unit_p_value < self.unit_p_value
        is_listed = count <= MOST_LISTED or is_worst or bool(alert.reasons)
        changed = {
            "kind": kind,
            "last": alert.clock,
            "start": _known(min, self.start, alert.start),
            "end": _known(max, self.end, alert.end),
            "count": count,
            "unit_p_value": unit_p_value,
            "severity": max(self.severity, severity),
            "worst": alert.id if is_worst else self.worst,
            "reasons": alert.reasons
            if is_worst and alert.reasons
            else self.reasons or alert.reasons,
            "sources": self.sources.and_(alert.source.address or alert.unit),
            "destinations": self.destinations.and_(alert.destination.address),
            "ports": self.ports.and_(alert.destination.port),
            "services": self.services.and_(alert.service),
            "kinds": dict(self.kinds) | {alert.kind.value: self.kinds.get(alert.kind.value, 0) + 1},
            "listed": self.listed + is_listed,
        }
        return type(self)(**(vars(self) | changed))  # `replace` takes twice as long

    def ended(self, closed: int | None, why: Why) -> Self:
        """Return the incident as it is when nothing can join it any more."""
        return replace(self, state="closed", closed=closed, why=why)

    @property
    def title(self) -> str:
        """What it is in a line, as ``scan: 10.0.0.5 -> 32 or more hosts, 400 alerts``.

        The names in it are from the wire: printable, and not escaped for any page.
        """
        alerts = "1 alert" if self.count == 1 else f"{self.count:,} alerts"
        ends = [seen.hosts for seen in (self.sources, self.destinations) if seen.values]
        return f"{self.kind.value}: {' -> '.join([*ends]) or 'unknown'}, {alerts}"

    @property
    def unlisted(self) -> str:
        """What is to be said where not all of its alerts are listed; empty where all are."""
        if self.listed == self.count:
            return ""
        more = self.count - self.listed
        others = "the other one is" if more == 1 else f"the other {more:,} are"
        judged = "all so far" if self.count <= MOST_JUDGED else f"the first {MOST_JUDGED:,}"
        return (
            f"{self.listed:,} of its {self.count:,} alerts are listed one by one; {others} kept "
            f"together, and a verdict on the incident covers {judged}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        seen = {name: dict(vars(getattr(self, name))) for name in _SEEN}
        return (
            vars(self)
            | seen
            | {
                "made_by": dict(vars(self.made_by)),
                "kind": self.kind.value,
                "severity": self.severity.value,
                "reasons": [dict(vars(reason)) for reason in self.reasons],
                "kinds": dict(self.kinds),
            }
        )

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Read back what `to_dict` wrote."""
        seen = {name: Seen(tuple(content[name]["values"]), content[name]["more"]) for name in _SEEN}
        read = {
            "made_by": MadeBy(**content["made_by"]),
            "kind": Kind(content["kind"]),
            "severity": Severity(content["severity"]),
            "reasons": tuple(Reason(**reason) for reason in content["reasons"]),
        }
        return cls(**(dict(content) | seen | read))


def _known(choose: Any, one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else choose(one, other)

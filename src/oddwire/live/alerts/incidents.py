"""Alerts that come in batches → incidents that open, change and close.

Alerts join an incident of the same source with a gap of less than ten minutes, as
`oddwire.traffic.units` counts incidents, and of the same kind. What is vague (`kinds.VAGUE`) joins
whatever incident of its source is open, the newest first, and an incident that began vague takes
the first kind that is not. What one target gets from many sources is one incident of the target,
which what is vague joins where none of its source is open. What a host does that may be taken goes
on for an hour without an alert, for the same target: a beacon calls every half an hour.
Alerts that are not explained, since there are too many (`scoring.explained`), and find none of
these are one incident: nobody could look at one for each made-up source.

Alert by alert, and closed at the moment that the clock says, not when a batch ends: however rows
are cut, the changes are the same, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, Self

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.incident import Incident, Why
from oddwire.live.alerts.kinds import OF_A_TAKEN_HOST, OF_ONE_TARGET, VAGUE
from oddwire.traffic.units import MINUTES
from oddwire.traffic.units.of_rows import minutes_in_microseconds

MOST_OPEN = 4096  # incidents, of about 13 kB at most
_MOST_KEYS = 64  # of an incident: a flood has more made-up sources than anyone could keep
SLOW_MINUTES = 60.0  # the longest gap between two alerts of what a taken host does to a target
_ALWAYS = -(2**63)  # the time of alerts without one: all belong together

What = Literal["opened", "updated", "closed"]
_Key = tuple[
    str, str, str
]  # ("unit", who, kind), ("target", address, kind), ("pair", both, kind) or `_UNEXPLAINED`
_ANY, _VAGUE = "any", "vague"  # for a kind in a key
_PAIR = "pair"
_UNEXPLAINED = ("unexplained", "", _ANY)


@dataclass(frozen=True)
class Change:
    """What has become of an incident.

    Parameters
    ----------
    what
        ``opened``, ``updated`` or ``closed``.
    incident
        As it stands now.
    """

    what: What
    incident: Incident


@dataclass(frozen=True)
class Grouped:
    """What alerts did.

    Parameters
    ----------
    changes
        In the order in which they came about. An update is told where an incident has doubled its
        alerts, has become more urgent or has got another kind: a scan of 10,000 alerts has about
        14.
    joined
        The incident of each alert, by their ids; suppressed ones have none.
    changed
        All incidents that an alert joined or that were closed, as they stand now, by their ids.
    unlisted
        The ids of alerts that are not kept one by one (`Incident.listed`).
    """

    changes: tuple[Change, ...]
    joined: Mapping[str, str]
    changed: Mapping[str, Incident]
    unlisted: frozenset[str] = frozenset()


class OpenIncidents:
    """The incidents that alerts can still join. Nothing is read or written here.

    Parameters
    ----------
    minutes
        From which gap on alerts are two incidents.
    most
        How many are kept open. Of more, the one without an alert for longest is closed.
    """

    def __init__(self, minutes: float = MINUTES, *, most: int = MOST_OPEN) -> None:
        if most < 1:
            raise ValueError(f"at least one incident must be kept open, got {most}")
        self._length, self._most = minutes_in_microseconds(minutes), most
        self._slow_length = max(self._length, minutes_in_microseconds(SLOW_MINUTES))
        # The one without an alert for longest first; those that go on for longer apart.
        self._open: dict[str, Incident] = {}
        self._slow: dict[str, Incident] = {}
        self._of_key: dict[_Key, str] = {}
        self._keys: dict[str, dict[_Key, None]] = {}  # the same by their incidents

    def __len__(self) -> int:
        return len(self._open) + len(self._slow)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Those that are open, the one without an alert for longest first."""
        both = (*self._open.values(), *self._slow.values())
        return tuple(sorted(both, key=lambda incident: _time(incident.last)))

    def update(self, alerts: Iterable[Alert], now: int | None = None) -> Grouped:
        """Take the alerts of the next rows, in the order in which they could be known.

        Parameters
        ----------
        alerts
            Their clock never falls. Suppressed ones open nothing.
        now
            The clock of the newest row, alert or not; None where rows have no time.
        """
        changes: list[Change] = []
        joined, unlisted = {}, set()
        for alert in alerts:
            if alert.suppressed_by is not None:
                continue
            changes += self._close_before(_time(alert.clock))
            joined[alert.id], is_listed = self._take(alert, changes)
            if not is_listed:
                unlisted.add(alert.id)
        if now is not None:
            changes += self._close_before(now)
        changed = {change.incident.id: change.incident for change in changes}
        for name in joined.values():
            if (incident := self._open.get(name) or self._slow.get(name)) is not None:
                changed[name] = incident
        return Grouped(tuple(changes), joined, changed, frozenset(unlisted))

    def _take(self, alert: Alert, changes: list[Change]) -> tuple[str, bool]:
        """Return the id of the incident that an alert joins, and whether it is listed."""
        before = self._joined(alert)
        if before is None:
            incident, listed = Incident.opened_by(alert), 0
            changes.append(Change("opened", incident))
        else:
            del self._kept(before)[before.id]
            incident, listed = before.joined_by(alert), before.listed
            if _is_told(before, incident):
                changes.append(Change("updated", incident))
        self._kept(incident)[incident.id] = incident  # the newest last
        self._register(incident, alert)
        if len(self) > self._most:
            oldest = min(self._oldest(), key=lambda incident: _time(incident.last))
            changes.append(self._close(oldest, oldest.last, "too many"))
        return incident.id, incident.listed > listed

    def _joined(self, alert: Alert) -> Incident | None:
        for key in _joins(alert):
            if (name := self._of_key.get(key)) is not None:
                incident = self._open.get(name) or self._slow[name]
                if key[0] == _PAIR or _time(alert.clock) - _time(incident.last) < self._length:
                    return incident
        return None

    def _kept(self, incident: Incident) -> dict[str, Incident]:
        return self._slow if incident.kind in OF_A_TAKEN_HOST else self._open

    def _oldest(self) -> Iterator[Incident]:
        for kept in (self._open, self._slow):
            yield from islice(kept.values(), 1)

    def _deadline(self, incident: Incident) -> int:
        slow = incident.kind in OF_A_TAKEN_HOST
        return _time(incident.last) + (self._slow_length if slow else self._length)

    def _register(self, incident: Incident, alert: Alert) -> None:
        """Let later alerts find the incident, the newest of those that a key could mean."""
        own = self._keys.setdefault(incident.id, {})
        if incident.kind not in VAGUE:
            for key in [key for key in own if key[2] == _VAGUE]:
                del own[key], self._of_key[key]
        for key in _found_by(incident, alert):
            if key not in own and len(own) < _MOST_KEYS:
                if (other := self._of_key.get(key)) is not None:
                    del self._keys[other][key]
                self._of_key[key] = incident.id
                own[key] = None

    def _close_before(self, now: int) -> list[Change]:
        """Close what no alert of this time or later can join, in the order of that."""
        changes = []
        while len(self):
            incident = min(self._oldest(), key=self._deadline)
            if (deadline := self._deadline(incident)) > now:
                break
            changes.append(
                self._close(incident, None if incident.last is None else deadline, "quiet")
            )
        return changes

    def _close(self, incident: Incident, when: int | None, why: Why) -> Change:
        for key in self._keys.pop(incident.id):
            del self._of_key[key]
        del self._kept(incident)[incident.id]
        return Change("closed", incident.ended(when, why))

    def to_dict(self) -> dict[str, Any]:
        """Return all that it knows as plain values, for JSON."""
        return {
            "open": [incident.to_dict() for incident in self.incidents],
            "keys": {name: [list(key) for key in keys] for name, keys in self._keys.items()},
        }

    @classmethod
    def from_dict(
        cls, content: Mapping[str, Any], minutes: float = MINUTES, *, most: int = MOST_OPEN
    ) -> Self:
        """Make one that goes on from what `to_dict` returned."""
        state = cls(minutes, most=most)
        for incident in map(Incident.from_dict, content["open"]):
            state._kept(incident)[incident.id] = incident
        for name, keys in content["keys"].items():
            state._keys[name] = dict.fromkeys((by, value, kind) for by, value, kind in keys)
            state._of_key |= dict.fromkeys(state._keys[name], name)
        return state


def _time(clock: int | None) -> int:
    return _ALWAYS if clock is None else clock


def _joins(alert: Alert) -> Iterator[_Key]:
    """Yield the keys of incidents that an alert may join, the best first."""
    unit, target, kind = alert.unit, alert.destination.address, alert.kind
    yield from _pairs(alert)
    if unit is not None and kind not in VAGUE:
        yield ("unit", unit, kind.value)
    if target is not None and kind in OF_ONE_TARGET:
        yield ("target", target, kind.value)
    if unit is not None:
        yield ("unit", unit, _ANY if kind in VAGUE else _VAGUE)
    if target is not None and kind in VAGUE:
        # Of the thousand sources of a flood, the first alone are explained.
        for each in OF_ONE_TARGET:
            yield ("target", target, each.value)
        if not alert.reasons:
            yield ("target", target, _ANY)
    if kind in VAGUE and not alert.reasons:
        yield _UNEXPLAINED


def _found_by(incident: Incident, alert: Alert) -> Iterator[_Key]:
    """Yield the keys by which an incident is found after an alert has joined it."""
    if incident.kind in VAGUE and not incident.reasons:
        # What it holds may be of anyone: no alert that says more is to give it a kind.
        yield _UNEXPLAINED
        return
    unit, target, kind = alert.unit, alert.destination.address, incident.kind
    if unit is not None:
        yield ("unit", unit, _VAGUE if kind in VAGUE else kind.value)
        yield ("unit", unit, _ANY)
    if target is not None and kind in OF_ONE_TARGET:
        yield ("target", target, kind.value)
    if kind == alert.kind:
        yield from _pairs(alert)
    if target is not None:
        yield ("target", target, _ANY)


def _pairs(alert: Alert) -> Iterator[_Key]:
    """Yield the key of who did what to whom, where it may go on for long."""
    unit, target = alert.unit, alert.destination.address
    if alert.kind in OF_A_TAKEN_HOST and unit is not None and target is not None:
        yield (_PAIR, f"{unit}\n{target}", alert.kind.value)  # neither name holds a line's end


def _is_told(before: Incident, after: Incident) -> bool:
    doubled = after.count & (after.count - 1) == 0
    return doubled or after.severity > before.severity or after.kind != before.kind

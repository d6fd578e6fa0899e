"""What is committed together, and what the store says of its sinks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oddwire.params.watch import WhenFull


@dataclass(frozen=True)
class Policy:
    """What happens when a sink takes less than there is to say.

    Parameters
    ----------
    when_full
        ``wait``: following stops until there is room, at most `longest_wait` seconds since the sink
        last took something, and then goes on as ``drop_oldest``. ``sample``: an even sample of all
        that waits is kept, chosen by id, the same in every replay. ``drop_oldest``: what waited
        longest goes.
    most_waiting
        Messages that may wait for the sink.
    longest_wait
        See ``wait``; infinite to stop following rather than drop anything.
    """

    when_full: WhenFull = "wait"
    most_waiting: int = 100_000
    longest_wait: float = 300.0


@dataclass(frozen=True)
class StoredAlert:
    """One alert, as it is kept.

    Parameters
    ----------
    id
        From `oddwire.live.alerts.alert.alert_id`.
    seen
        When its connection could be known, in seconds since 1970 (UTC).
    content
        Everything that explaining it again needs, as JSON.
    incident
        The incident that it belongs to.
    suppressed
        Why it was not sent, empty where it was.
    severity, kind, source_address, destination
        What lists are filtered by; each is in the content too.
    """

    id: str
    seen: float
    content: str
    incident: str = ""
    suppressed: str = ""
    severity: int = 0
    kind: str = ""
    source_address: str = ""
    destination: str = ""


@dataclass(frozen=True)
class MoreAlerts:
    """Alerts of an incident that are kept together: too many to be listed.

    Parameters
    ----------
    incident
        The incident that they belong to.
    alerts
        How many they are.
    content
        All of them (`oddwire.live.state.contents`).
    """

    incident: str
    alerts: int
    content: bytes


@dataclass(frozen=True)
class StoredIncident:
    """An incident as it stands: a later one with the same id takes its place.

    Parameters
    ----------
    opened, updated, closed
        In seconds since 1970 (UTC), on the clock of the rows; `closed` is None while it is open.
    content
        All of it, as JSON.
    alerts
        How many it has.
    severity, kind
        What lists are filtered by; each is in the content too.
    """

    id: str
    opened: float
    updated: float
    content: str
    closed: float | None = None
    alerts: int = 0
    severity: int = 0
    kind: str = ""


@dataclass(frozen=True)
class Message:
    """What every sink gets: a line of JSON, and the id that makes it known.

    A message whose id was committed before is not sent again: of an incident, its id and the number
    of its state go into it.

    Parameters
    ----------
    incident
        The incident that it tells of: they are deleted together when they are old.
    """

    id: str
    kind: str
    body: str
    incident: str = ""


@dataclass(frozen=True)
class KeptRows:
    """The rows of one commit, as a restart and the windows of later rows need them.

    Parameters
    ----------
    content
        The rows themselves; the store does not look inside.
    rows
        How many they are.
    first, last
        The clock of the first and of the last of them, in microseconds since 1970.
    """

    content: bytes
    rows: int
    first: int
    last: int


@dataclass(frozen=True)
class Commit:
    """What became of one micro-batch: all of it is kept, or nothing.

    Parameters
    ----------
    position
        Where the follower goes on.
    carried
        Small state that later connections need, by name; a name that is left out keeps what it had.
    rows
        The commit's own rows.
    checkpoint
        The large state, as it is after those rows; None keeps the one before. A restart begins with
        it and replays the rows of the commits since.
    window
        For how long the rows that came before the last checkpoint are still needed, in
        microseconds of their clock. Those that ended longer before it are forgotten, a few with
        each commit; None forgets none.
    """

    position: bytes
    carried: Mapping[str, bytes] = field(default_factory=dict)
    alerts: tuple[StoredAlert, ...] = ()
    more_alerts: tuple[MoreAlerts, ...] = ()
    incidents: tuple[StoredIncident, ...] = ()
    messages: tuple[Message, ...] = ()
    rows: KeptRows | None = None
    checkpoint: bytes | None = None
    window: int | None = None


@dataclass(frozen=True)
class Beat:
    """What a process that follows a source last said of itself.

    Parameters
    ----------
    at
        When, in seconds since 1970, by this machine's clock.
    content
        What, as JSON.
    """

    source: str
    at: float
    content: str


@dataclass(frozen=True)
class Owner:
    """The project that follows a source.

    Parameters
    ----------
    id
        Its own, wherever its folder is.
    place
        Where that is, for people.
    """

    id: str
    place: str


@dataclass(frozen=True)
class Following:
    """Where a source's follower stands.

    Parameters
    ----------
    number
        How many commits there were: the next one must follow on this one.
    """

    number: int = 0
    position: bytes = b""
    carried: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Committed:
    """What a commit came to."""

    following: Following
    dropped: int


@dataclass(frozen=True)
class SinkState:
    """What a sink has done, and has yet to do.

    Parameters
    ----------
    waiting, delivered, dropped, dead
        Messages: not yet taken, taken, dropped by the policy, and refused for good (kept as dead
        letters).
    failures
        Tries that failed since the sink last took something.
    trouble
        What the last of them said, without secrets; empty while all is well.
    since
        When that began, in seconds since 1970.
    """

    name: str
    waiting: int = 0
    delivered: int = 0
    dropped: int = 0
    dead: int = 0
    failures: int = 0
    trouble: str = ""
    since: float | None = None


@dataclass(frozen=True)
class Waiting:
    """The messages that a sink tries to deliver next, and where it stands.

    Parameters
    ----------
    entries
        Their numbers in the outbox.
    tries
        How often the sink answered that it cannot take the first of them.
    place
        What the sink said of itself when it last delivered; empty at first.
    """

    entries: tuple[int, ...] = ()
    messages: tuple[Message, ...] = ()
    tries: int = 0
    place: str = ""

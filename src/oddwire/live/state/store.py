"""The store of a source that is followed: what is committed, and what sinks make of it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from oddwire.errors import ServiceError
from oddwire.live.state import carrying, outbox, pruning, suppressing
from oddwire.live.state.database import Database, in_pieces
from oddwire.live.state.records import (
    Commit,
    Committed,
    Following,
    KeptRows,
    Message,
    MoreAlerts,
    Owner,
    Policy,
    SinkState,
    StoredAlert,
    StoredIncident,
    Waiting,
)
from oddwire.live.state.tables import (
    VERSION,
    alerts,
    check_version,
    followers,
    incidents,
    make_tables,
    messages,
    more_alerts,
    refuse_foreign,
    versions,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

_DAY = 86_400.0
_DIGITS = 12  # of the number of a commit


class Store:
    """Everything about following one source, in one SQL database.

    Parameters
    ----------
    address
        ``sqlite:///FILE`` or ``postgresql://…``.
    source
        The name of the source.
    sinks
        The policies of its sinks, by their names.
    patience
        Seconds for which a locked or full database, or one that does not answer, is tried again.
    owner
        The project that follows the source.
    shared
        Whether other projects may have the database too.

    Raises
    ------
    ParameterError
        If the source is followed by another project.
    """

    def __init__(
        self,
        address: str,
        *,
        source: str,
        sinks: Mapping[str, Policy] | None = None,
        patience: float = 60.0,
        owner: Owner | None = None,
        shared: bool = True,
    ) -> None:
        self.source, self.policies = source, dict(sinks or {})
        self._owner, self._shared = owner, shared
        self._database = Database(address, patience=patience)
        self._database.write(self._opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()

    def following(self) -> Following:
        """Return where the source's follower stands."""
        return self._database.read(self._followed)

    def checkpoint(self) -> tuple[int, bytes] | None:
        """Return the number of the commit with the last checkpoint, and the checkpoint."""
        return self._database.read(lambda one: carrying.checkpoint(one, self.source))

    def kept_rows(self, *, after: int = 0) -> Iterator[tuple[int, KeptRows]]:
        """Yield the rows that are kept of commits after one, with their numbers, in order."""
        number = after
        while found := self._next_rows(number):
            yield found
            number = found[0]

    def beat(self, content: str) -> None:
        """Keep what the process says of itself where there is nothing to commit.

        Parameters
        ----------
        content
            JSON.
        """
        self._database.write(lambda one: carrying.beat(one, self.source, content))

    def commit(
        self, made: Commit, *, after: Following, given_up: Collection[str] = ()
    ) -> Committed:
        """Keep what became of a micro-batch: all of it, or nothing.

        Parameters
        ----------
        after
            Where the follower stood when it began: what `following` or the commit before returned.
        given_up
            Sinks that were waited for as long as their policy allows.

        Raises
        ------
        ServiceError
            If the database fails for longer than its patience, or another process has gone on from
            there.
        """
        token = uuid4().hex
        bounded = {
            name for name, policy in self.policies.items() if policy.when_full != "wait"
        }.union(given_up)
        return self._database.write(
            lambda connection: self._kept(connection, made, after, token, bounded)
        )

    def prune(
        self, *, keep_days: float, now: float, keep: Collection[str] = (), most: int = 500
    ) -> int:
        """Delete a portion of what is old: to be called now and then, again while anything went.

        Incidents that were closed more than so many days ago go, with their alerts, their messages
        and the dead letters of these; suppressed alerts from before; and, by this machine's clock,
        messages of no incident. What waits in an outbox stays, with all of its incident.

        Parameters
        ----------
        now
            The clock of the newest row, in seconds since 1970.
        keep
            Ids of alerts and incidents that stay whatever their age, such as those with a label; an
            alert keeps all of its incident.
        most
            Rows at most: no commit waits for longer than it takes to delete so many.

        Returns
        -------
        How many rows went; 0 where nothing is left to delete.
        """
        days = keep_days * _DAY
        old = pruning.Old(now - days, time.time() - days, frozenset(keep))
        return self._database.write(lambda one: pruning.prune(one, self.source, old, most))

    def states(self) -> list[SinkState]:
        """Return what every sink of the source has done and has yet to do."""
        return self._database.read(lambda one: outbox.states(one, self.source))

    def suppressed(self) -> int:
        """Return how many stored alerts of the source the allow-list keeps from being sent."""
        return self._database.read(lambda one: suppressing.count(one, self.source))

    def waiting(self, sink: str) -> int:
        """Return how many messages wait for a sink."""
        return self._database.read(lambda one: outbox.waiting(one, self.source, sink))

    def take(self, sink: str, most: int) -> Waiting:
        """Take the messages that a sink delivers next; after a kill, the same ones again."""
        if self._database.read(lambda one: outbox.is_empty(one, self.source, sink)):
            return Waiting()  # looking takes no lock
        return self._database.write(lambda one: outbox.take(one, self.source, sink, most))

    def delivered(self, sink: str, done: Waiting, place: str) -> None:
        """Note that a sink has taken messages, and where it stands now."""
        self._database.write(lambda one: outbox.delivered(one, self.source, sink, done, place))

    def buried(self, sink: str, refused: Waiting, said: str) -> None:
        """Note that a sink will never take messages: they are kept as dead letters."""
        self._database.write(lambda one: outbox.buried(one, self.source, sink, refused, said))

    def failed(self, sink: str, tried: Waiting, said: str, *, counted: bool) -> None:
        """Note a try that failed; `counted` where the sink answered that it cannot take these."""
        self._database.write(
            lambda one: outbox.failed(one, self.source, sink, tried, said, counted=counted)
        )

    def revived(self, sink: str) -> int:
        """Put the dead letters of a sink back into its outbox; return how many."""
        return self._database.write(lambda one: outbox.revived(one, self.source, sink))

    def _opened(self, connection: Connection) -> None:
        refuse_foreign(connection)
        make_tables(connection)
        if not check_version(connection):
            connection.execute(insert(versions).values(version=VERSION))
        if self._owner is not None:
            carrying.claim(connection, self.source, self._owner, shared=self._shared)
        outbox.register(connection, self.source, self.policies)

    def _next_rows(self, after: int) -> tuple[int, KeptRows] | None:
        return self._database.read(lambda one: carrying.next_rows(one, self.source, after))

    def _followed(self, connection: Connection) -> Following:
        row = connection.execute(
            select(followers).where(followers.c.source == self.source)
        ).one_or_none()
        if row is None:
            return Following()
        state = carrying.small_state(connection, self.source)
        return Following(row.number, row.position, state)

    def _kept(
        self,
        connection: Connection,
        made: Commit,
        after: Following,
        token: str,
        bounded: Collection[str],
    ) -> Committed:
        state = {**after.carried, **made.carried}
        following = Following(after.number + 1, made.position, state)
        if not self._moved_on(connection, made.position, after, token):
            return Committed(following, 0)
        carrying.carry(connection, self.source, following.number, made)
        _replace(connection, [self._incident(one) for one in made.incidents])
        new_alerts = _unknown(connection, alerts, made.alerts)
        if new_alerts:
            connection.execute(insert(alerts), [self._alert(one) for one in new_alerts])
        if made.more_alerts:
            rows = [_together(one, following.number) for one in made.more_alerts]
            connection.execute(insert(more_alerts), rows)
        new_messages = _unknown(connection, messages, made.messages)
        if new_messages:
            now = time.time()
            connection.execute(insert(messages), [self._message(one, now) for one in new_messages])
        outbox.put(connection, self.source, new_messages, self.policies)
        dropped = sum(
            outbox.fit(connection, self.source, name, self.policies[name]) for name in bounded
        )
        return Committed(following, dropped)

    def _moved_on(
        self, connection: Connection, position: bytes, after: Following, token: str
    ) -> bool:
        """Move the follower on; return False if this very commit was kept before.

        A server that is lost between keeping a commit and saying so leaves its client to ask.
        """
        mine = followers.c.source == self.source
        values = {"number": after.number + 1, "token": token, "position": position}
        row = connection.execute(select(followers).where(mine).with_for_update()).one_or_none()
        number = 0 if row is None else row.number
        if row is not None and row.token == token:
            return False
        if number != after.number:
            raise ServiceError(
                f"source {self.source!r} is followed by another process too: its commit {number} "
                f"came after commit {after.number}, from which this one went on"
            )
        if row is None:
            connection.execute(insert(followers).values(source=self.source, **values))
        else:
            connection.execute(update(followers).where(mine).values(**values))
        return True

    def _alert(self, one: StoredAlert) -> dict[str, Any]:
        return {
            "id": one.id, "source": self.source, "seen": one.seen, "content": one.content,
            "incident": one.incident, "suppressed": one.suppressed, "severity": one.severity,
            "kind": one.kind, "source_address": one.source_address, "destination": one.destination,
        }  # fmt: skip

    def _incident(self, one: StoredIncident) -> dict[str, Any]:
        return {
            "id": one.id, "source": self.source, "opened": one.opened, "updated": one.updated,
            "closed": one.closed, "alerts": one.alerts, "content": one.content,
            "severity": one.severity, "kind": one.kind,
        }  # fmt: skip

    def _message(self, one: Message, now: float) -> dict[str, Any]:
        return {
            "id": one.id, "source": self.source, "kind": one.kind, "body": one.body,
            "incident": one.incident, "at": now,
        }  # fmt: skip


def _together(one: MoreAlerts, number: int) -> dict[str, Any]:
    # Numbers of commits in the order of their digits.
    name = f"{one.incident}-{number:0{_DIGITS}}"
    return {"id": name, "incident": one.incident, "alerts": one.alerts, "content": one.content}


def _unknown(
    connection: Connection, table: Table, things: Sequence[StoredAlert] | Sequence[Message]
) -> list[Any]:
    """Return those whose id is not in a table yet, each id once, in their order."""
    by_id: dict[str, Any] = {}
    for one in things:
        by_id.setdefault(one.id, one)
    for some in in_pieces(by_id):
        for known in connection.scalars(select(table.c.id).where(table.c.id.in_(some))).all():
            del by_id[known]
    return list(by_id.values())


def _replace(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Put incidents in the place of what they were."""
    last = {row["id"]: row for row in rows}
    for some in in_pieces(last):
        connection.execute(delete(incidents).where(incidents.c.id.in_(some)))
    if last:
        connection.execute(insert(incidents), list(last.values()))

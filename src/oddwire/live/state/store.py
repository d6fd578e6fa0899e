"""The store of a source that is followed: what is committed, and what sinks make of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from oddwire.errors import ServiceError
from oddwire.live.state import outbox
from oddwire.live.state.database import Database
from oddwire.live.state.records import (
    Alert,
    Commit,
    Committed,
    Following,
    Incident,
    Message,
    Policy,
    SinkState,
    Waiting,
)
from oddwire.live.state.tables import (
    VERSION,
    alerts,
    carried,
    followers,
    incidents,
    messages,
    metadata,
    versions,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

_AT_ONCE = 500  # ids in one question: SQLite takes no more than 32,766, older ones 999


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
    """

    def __init__(
        self,
        address: str,
        *,
        source: str,
        sinks: Mapping[str, Policy] | None = None,
        patience: float = 60.0,
    ) -> None:
        self.source, self.policies = source, dict(sinks or {})
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

    def states(self) -> list[SinkState]:
        """Return what every sink of the source has done and has yet to do."""
        return self._database.read(lambda one: outbox.states(one, self.source))

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
        metadata.create_all(connection)
        found = connection.scalar(select(versions.c.version))
        if found is None:
            connection.execute(insert(versions).values(version=VERSION))
        elif found != VERSION:
            raise ServiceError(
                f"the store of alerts must have tables of version {VERSION}, got version {found}"
            )
        outbox.register(connection, self.source, self.policies)

    def _followed(self, connection: Connection) -> Following:
        row = connection.execute(
            select(followers).where(followers.c.source == self.source)
        ).one_or_none()
        if row is None:
            return Following()
        parts = connection.execute(select(carried).where(carried.c.source == self.source))
        return Following(row.number, row.position, {part.name: part.content for part in parts})

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
            return Committed(following, len(made.alerts), len(made.messages), 0)
        _replace(
            connection, carried, ("source", "name"),
            [
                {"source": self.source, "name": name, "content": content}
                for name, content in made.carried.items()
            ],
        )  # fmt: skip
        _replace(connection, incidents, ("id",), [self._incident(one) for one in made.incidents])
        new_alerts = _unknown(connection, alerts, made.alerts)
        if new_alerts:
            connection.execute(insert(alerts), [self._alert(one) for one in new_alerts])
        new_messages = _unknown(connection, messages, made.messages)
        if new_messages:
            rows = [
                {"id": one.id, "source": self.source, "kind": one.kind, "body": one.body}
                for one in new_messages
            ]
            connection.execute(insert(messages), rows)
        outbox.put(connection, self.source, new_messages, self.policies)
        dropped = sum(
            outbox.fit(connection, self.source, name, self.policies[name]) for name in bounded
        )
        return Committed(following, len(new_alerts), len(new_messages), dropped)

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

    def _alert(self, one: Alert) -> dict[str, Any]:
        return {
            "id": one.id, "source": self.source, "seen": one.seen, "content": one.content,
            "incident": one.incident, "suppressed": one.suppressed,
        }  # fmt: skip

    def _incident(self, one: Incident) -> dict[str, Any]:
        return {
            "id": one.id, "source": self.source, "opened": one.opened, "updated": one.updated,
            "closed": one.closed, "alerts": one.alerts, "content": one.content,
        }  # fmt: skip


def _unknown(
    connection: Connection, table: Table, things: Sequence[Alert] | Sequence[Message]
) -> list[Any]:
    """Return those whose id is not in a table yet, each id once, in their order."""
    by_id: dict[str, Any] = {}
    for one in things:
        by_id.setdefault(one.id, one)
    ids = list(by_id)
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        for known in connection.scalars(select(table.c.id).where(table.c.id.in_(some))).all():
            del by_id[known]
    return list(by_id.values())


def _replace(
    connection: Connection, table: Table, keys: tuple[str, ...], rows: Sequence[dict[str, Any]]
) -> None:
    """Put rows in the place of those with the same keys."""
    last = {tuple(row[key] for key in keys): row for row in rows}
    for row in last.values():
        same = [table.c[key] == row[key] for key in keys]
        connection.execute(delete(table).where(*same))
    if last:
        connection.execute(insert(table), list(last.values()))

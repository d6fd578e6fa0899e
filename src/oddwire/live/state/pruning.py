"""What is old goes: closed incidents with their alerts, messages and dead letters.

A portion at a time, each in a transaction of its own, so that no commit waits for long. What still
waits in an outbox stays, with its incident; so does what a person has labelled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, delete, exists, select

from oddwire.live.state.database import in_pieces
from oddwire.live.state.tables import (
    alerts,
    dead_letters,
    incidents,
    messages,
    more_alerts,
    outbox,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table


@dataclass(frozen=True)
class Old:
    """What counts as old.

    Parameters
    ----------
    before
        In seconds since 1970 on the clock of the rows: incidents that were closed before it, and
        suppressed alerts from before it.
    said_before
        By this machine's clock: messages of no incident that were committed before it.
    keep
        Ids of alerts and incidents that stay whatever their age; a listed alert keeps all its
        incident.
    """

    before: float
    said_before: float
    keep: Collection[str] = ()


def prune(connection: Connection, source: str, old: Old, most: int) -> int:
    """Delete a portion of what is old; return how many rows went, 0 where nothing is left.

    Parameters
    ----------
    most
        Rows at most, dead letters and incidents not counted.
    """
    gone = 0
    for name in _old_incidents(connection, source, old, most):
        gone += _delete_incident(connection, name, most - gone)
        if gone >= most:
            return gone
    suppressed = and_(
        alerts.c.incident == "", alerts.c.seen < old.before, alerts.c.source == source
    )
    gone += _delete(connection, alerts, suppressed, most - gone, keep=old.keep)
    loose = and_(
        messages.c.incident == "", messages.c.at < old.said_before, messages.c.source == source,
        ~_waits(),
    )  # fmt: skip
    return gone + _delete(connection, messages, loose, most - gone)


def _old_incidents(connection: Connection, source: str, old: Old, most: int) -> list[str]:
    """Return incidents that go, the one that was closed first before the others."""
    kept = set(old.keep)
    for some in in_pieces(old.keep):
        kept.update(connection.scalars(select(alerts.c.incident).where(alerts.c.id.in_(some))))
    told = exists().where(and_(messages.c.incident == incidents.c.id, _waits()))
    closed = and_(incidents.c.source == source, incidents.c.closed < old.before, ~told)
    found = connection.scalars(
        select(incidents.c.id).where(closed).order_by(incidents.c.closed).limit(most + len(kept))
    ).all()
    return [name for name in found if name not in kept]


def _delete_incident(connection: Connection, name: str, most: int) -> int:
    """Delete an incident, or as much of what belongs to it as may go at once; return how much."""
    gone = 0
    for table in (messages, alerts, more_alerts):
        gone += _delete(connection, table, table.c.incident == name, most - gone)
    if gone < most:
        connection.execute(delete(incidents).where(incidents.c.id == name))
        return gone + 1
    return gone


def _delete(
    connection: Connection,
    table: Table,
    which: ColumnElement[bool],
    most: int,
    *,
    keep: Collection[str] = (),
) -> int:
    if most <= 0:
        return 0
    found = connection.scalars(select(table.c.id).where(which).limit(most + len(keep))).all()
    going: Sequence[Any] = [one for one in found if one not in keep][:most]
    for some in in_pieces(going):
        if table is messages:
            connection.execute(delete(dead_letters).where(dead_letters.c.message.in_(some)))
        connection.execute(delete(table).where(table.c.id.in_(some)))
    return len(going)


def _waits() -> ColumnElement[bool]:
    return exists().where(outbox.c.message == messages.c.id)

"""The outbox: what every sink has yet to deliver, in the order in which it was said.

Each function runs inside a transaction of its caller.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from oddwire.live.state.records import Message, Policy, SinkState, Waiting
from oddwire.live.state.tables import dead_letters, messages, outbox, sinks

if TYPE_CHECKING:
    from sqlalchemy import Connection

_DRAW_DIGITS = 15  # of a hexadecimal id, as a number that every database holds


def register(connection: Connection, source: str, names: Iterable[str]) -> None:
    """Make sure that sinks are known, with nothing done so far."""
    known = set(connection.scalars(select(sinks.c.name).where(sinks.c.source == source)))
    fresh = {"delivered": 0, "dropped": 0, "dead": 0, "failures": 0, "trouble": "", "place": ""}
    for name in names:
        if name not in known:
            connection.execute(insert(sinks).values(source=source, name=name, **fresh))


def put(connection: Connection, source: str, new: Sequence[Message], names: Iterable[str]) -> None:
    """Put messages into the outbox of every sink."""
    rows = [_row(source, name, message.id) for name in names for message in new]
    if rows:
        connection.execute(insert(outbox), rows)


def fit(connection: Connection, source: str, name: str, policy: Policy) -> int:
    """Drop what is more than may wait for a sink; return how many.

    What is being delivered at this moment stays.
    """
    mine = _of(source, name)
    excess = waiting(connection, source, name) - policy.most_waiting
    if excess <= 0:
        return 0
    order = outbox.c.draw.desc() if policy.when_full == "sample" else outbox.c.entry
    going = (
        select(outbox.c.entry)
        .where(and_(mine, outbox.c.taken.is_(False)))
        .order_by(order, outbox.c.entry)
        .limit(excess)
    )
    # Said again outside: PostgreSQL looks at this anew where a sink took one in the meantime.
    untaken = and_(outbox.c.entry.in_(going), outbox.c.taken.is_(False))
    gone = connection.execute(delete(outbox).where(untaken)).rowcount
    connection.execute(
        update(sinks).where(_sink(source, name)).values(dropped=sinks.c.dropped + gone)
    )
    return gone


def take(connection: Connection, source: str, name: str, most: int) -> Waiting:
    """Take the messages that a sink delivers next: those of the try before, if it did not end."""
    mine = _of(source, name)
    unfinished = and_(mine, outbox.c.taken)
    rows = connection.execute(_listed().where(unfinished).order_by(outbox.c.entry)).all()
    if not rows:
        rows = connection.execute(_listed().where(mine).order_by(outbox.c.entry).limit(most)).all()
        entries = [row.entry for row in rows]
        if entries:
            connection.execute(
                update(outbox).where(and_(mine, outbox.c.entry.in_(entries))).values(taken=True)
            )
    place = connection.scalar(select(sinks.c.place).where(_sink(source, name)))
    return Waiting(
        entries=tuple(row.entry for row in rows),
        messages=tuple(Message(row.id, row.kind, row.body, row.incident) for row in rows),
        tries=rows[0].tries if rows else 0,
        place=place or "",
    )


def delivered(connection: Connection, source: str, name: str, done: Waiting, place: str) -> None:
    """Note that a sink has taken messages, and where it stands now."""
    gone = connection.execute(_entries(source, name, done)).rowcount
    connection.execute(
        update(sinks)
        .where(_sink(source, name))
        .values(delivered=sinks.c.delivered + gone, place=place, failures=0, trouble="", since=None)
    )


def buried(connection: Connection, source: str, name: str, refused: Waiting, said: str) -> None:
    """Note that a sink will never take messages: they are kept as dead letters."""
    now = time.time()
    connection.execute(
        insert(dead_letters),
        [
            {
                "entry": entry, "source": source, "sink": name, "message": message.id,
                "reason": said, "at": now,
            }
            for entry, message in zip(refused.entries, refused.messages, strict=True)
        ],
    )  # fmt: skip
    gone = connection.execute(_entries(source, name, refused)).rowcount
    connection.execute(
        update(sinks)
        .where(_sink(source, name))
        .values(dead=sinks.c.dead + gone, failures=0, trouble=said, since=None)
    )


def failed(
    connection: Connection, source: str, name: str, tried: Waiting, said: str, *, counted: bool
) -> None:
    """Note a try that failed.

    Parameters
    ----------
    counted
        Whether the sink answered that it cannot take these; no answer is no verdict on them.
    """
    mine = _sink(source, name)
    since = func.coalesce(sinks.c.since, time.time())
    connection.execute(
        update(sinks).where(mine).values(failures=sinks.c.failures + 1, trouble=said, since=since)
    )
    if counted and tried.entries:
        own = and_(_of(source, name), outbox.c.entry.in_(tried.entries))
        connection.execute(update(outbox).where(own).values(tries=outbox.c.tries + 1))


def revived(connection: Connection, source: str, name: str) -> int:
    """Put the dead letters of a sink back into its outbox; return how many."""
    mine = and_(dead_letters.c.source == source, dead_letters.c.sink == name)
    ids = connection.scalars(
        select(dead_letters.c.message).where(mine).order_by(dead_letters.c.entry)
    ).all()
    if ids:
        connection.execute(insert(outbox), [_row(source, name, one) for one in ids])
        connection.execute(delete(dead_letters).where(mine))
        connection.execute(
            update(sinks).where(_sink(source, name)).values(dead=sinks.c.dead - len(ids))
        )
    return len(ids)


def states(connection: Connection, source: str) -> list[SinkState]:
    """Return what every sink of a source has done and has yet to do."""
    waiting: dict[str, int] = {
        row.sink: row.waiting
        for row in connection.execute(
            select(outbox.c.sink, func.count().label("waiting"))
            .where(outbox.c.source == source)
            .group_by(outbox.c.sink)
        )
    }
    found = connection.execute(select(sinks).where(sinks.c.source == source).order_by(sinks.c.name))
    return [
        SinkState(
            name=row.name, waiting=waiting.get(row.name, 0), delivered=row.delivered,
            dropped=row.dropped, dead=row.dead, failures=row.failures, trouble=row.trouble,
            since=row.since,
        )
        for row in found
    ]  # fmt: skip


def is_empty(connection: Connection, source: str, name: str) -> bool:
    """Tell whether nothing waits for a sink."""
    return connection.scalar(select(outbox.c.entry).where(_of(source, name)).limit(1)) is None


def waiting(connection: Connection, source: str, name: str) -> int:
    """Return how many messages wait for a sink."""
    found = connection.scalar(select(func.count()).select_from(outbox).where(_of(source, name)))
    return found or 0


def _row(source: str, name: str, message: str) -> dict[str, Any]:
    draw = int(message[:_DRAW_DIGITS], 16)
    return {
        "source": source, "sink": name, "message": message, "taken": False, "tries": 0,
        "draw": draw,
    }  # fmt: skip


def _entries(source: str, name: str, which: Waiting) -> Delete:
    return delete(outbox).where(and_(_of(source, name), outbox.c.entry.in_(which.entries)))


def _listed() -> Select[Any]:
    joined = outbox.join(messages, outbox.c.message == messages.c.id)
    return select(outbox.c.entry, outbox.c.tries, messages).select_from(joined)


def _of(source: str, name: str) -> ColumnElement[bool]:
    return and_(outbox.c.source == source, outbox.c.sink == name)


def _sink(source: str, name: str) -> ColumnElement[bool]:
    return and_(sinks.c.source == source, sinks.c.name == name)

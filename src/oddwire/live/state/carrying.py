"""What later rows need: small state by name, the large state of now and then, and kept rows.

The large state is a checkpoint. Between two of them each commit writes its own rows alone, which a
restart replays on top of the last one. Each function runs inside a transaction of its caller.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, insert, select, update

from oddwire.errors import ParameterError
from oddwire.live.state.records import Commit, KeptRows, Owner
from oddwire.live.state.tables import carried, carried_rows, checkpoints, heartbeats

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

_FIRST_TIME = -(2**63)  # no clock is before it
_OWNER = "project"
# Commits whose rows are forgotten with one that comes: those of five minutes at once took 1.7
# seconds, in which connections waited.
_FORGOTTEN = 8


def carry(connection: Connection, source: str, number: int, made: Commit) -> None:
    """Keep all that a commit leaves for later rows.

    Parameters
    ----------
    number
        Of the commit.
    """
    _carry_small(connection, source, made.carried)
    if made.rows is not None:
        _keep_rows(connection, source, number, made.rows)
    if made.checkpoint is not None:
        _put(connection, checkpoints, source, number=number, content=made.checkpoint)
    if made.window is not None:
        _forget_rows(connection, source, made.window)


def small_state(connection: Connection, source: str) -> dict[str, bytes]:
    """Return the small state of a source, by name."""
    parts = connection.execute(select(carried).where(carried.c.source == source))
    return {part.name: part.content for part in parts}


def checkpoint(connection: Connection, source: str) -> tuple[int, bytes] | None:
    """Return the number of the commit with the last checkpoint, and the checkpoint."""
    columns = (checkpoints.c.number, checkpoints.c.content)
    row = connection.execute(select(*columns).where(checkpoints.c.source == source)).one_or_none()
    return None if row is None else (row.number, row.content)


def next_rows(connection: Connection, source: str, after: int) -> tuple[int, KeptRows] | None:
    """Return the rows of the first commit after one that has any, and its number."""
    later = and_(carried_rows.c.source == source, carried_rows.c.number > after)
    row = connection.execute(
        select(carried_rows).where(later).order_by(carried_rows.c.number).limit(1)
    ).one_or_none()
    if row is None:
        return None
    return row.number, KeptRows(row.content, row.rows, row.first, row.last)


def beat(connection: Connection, source: str, content: str) -> None:
    """Keep what the process that follows a source says of itself."""
    _put(connection, heartbeats, source, at=time.time(), content=content)


def claim(connection: Connection, source: str, owner: Owner, *, shared: bool) -> None:
    """Note which project follows a source.

    Parameters
    ----------
    shared
        Whether other projects may have the database too: then a source stays with its project.

    Raises
    ------
    ParameterError
        If it is another project's.
    """
    known = small_state(connection, source).get(_OWNER)
    before = Owner(**json.loads(known)) if known else owner
    if shared and before.id != owner.id:
        raise ParameterError(
            f"source {source!r} in the store of alerts is followed by another project "
            f"({before.place}): name another database in ODDWIRE_ALERTS_STORE, or give the source "
            f"another name; if this is that project, begun anew, put {before.id} into the first "
            "line of data/live/project.id"
        )
    if known is None or before != owner:
        _carry_small(connection, source, {_OWNER: json.dumps(vars(owner)).encode()})


def _carry_small(connection: Connection, source: str, parts: Mapping[str, bytes]) -> None:
    for name in parts:
        same = and_(carried.c.source == source, carried.c.name == name)
        connection.execute(delete(carried).where(same))
    if parts:
        rows = [{"source": source, "name": name, "content": one} for name, one in parts.items()]
        connection.execute(insert(carried), rows)


def _keep_rows(connection: Connection, source: str, number: int, kept: KeptRows) -> None:
    connection.execute(
        insert(carried_rows).values(
            source=source, number=number, first=kept.first, last=kept.last, rows=kept.rows,
            content=kept.content,
        )
    )  # fmt: skip


def _forget_rows(connection: Connection, source: str, window: int) -> None:
    """Delete the rows of some commits that neither a restart replays nor a window needs.

    A restart begins at the last checkpoint, with the windows of that moment.
    """
    number = connection.scalar(select(checkpoints.c.number).where(checkpoints.c.source == source))
    if number is None:
        return
    before = and_(carried_rows.c.source == source, carried_rows.c.number <= number)
    newest = connection.scalar(
        select(carried_rows.c.last).where(before).order_by(carried_rows.c.number.desc()).limit(1)
    )
    if newest is None:
        return
    old = and_(before, carried_rows.c.last < max(newest - window, _FIRST_TIME))
    going = connection.scalars(
        select(carried_rows.c.number).where(old).order_by(carried_rows.c.last).limit(_FORGOTTEN)
    ).all()
    if going:
        mine = and_(carried_rows.c.source == source, carried_rows.c.number.in_(going))
        connection.execute(delete(carried_rows).where(mine))


def _put(connection: Connection, table: Table, source: str, **values: object) -> None:
    """Put a source's one row of a table in the place of what it was."""
    changed = connection.execute(update(table).where(table.c.source == source).values(**values))
    if not changed.rowcount:
        connection.execute(insert(table).values(source=source, **values))

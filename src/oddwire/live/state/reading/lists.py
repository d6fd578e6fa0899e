"""Lists of alerts and incidents: pages that stay what they are while new rows come.

A page goes on behind the time and id of a row, whatever was added or deleted since. Each page is
read along an index that holds exactly the rows asked for, in their order: where several values are
allowed, each is asked for by itself, and the answers are merged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_, union

from oddwire.errors import ParameterError, short_repr
from oddwire.live.alerts.severity import Severity
from oddwire.live.alerts.wire_names import ip_address
from oddwire.live.state.tables import SUPPRESSED, alerts, followers, incidents

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Row, Select, Table

_LEVELS = (0, *Severity)  # 0: not known
_LAST_LETTER = "\U0010ffff"
_SHORTEST = 3  # letters of the beginning of an address: shorter ones fit most
_BROAD = 2_000  # alerts of an address: the incidents of fewer are looked up at once


class Behind(Protocol):
    """A row that a page goes on behind."""

    @property
    def seconds(self) -> float:
        """Its time: when an alert was seen, or an incident opened."""

    @property
    def id(self) -> str:
        """Its id."""


@dataclass(frozen=True)
class Asked:
    """What rows are asked for; None for all.

    Parameters
    ----------
    severity
        One level, or several.
    since, until
        From this moment on, and before that one, in seconds since 1970.
    address
        Of the source or the destination, or what it begins with (see `begins`).
    """

    source: str | None = None
    severity: int | Collection[int] | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None
    address: str | None = None
    limit: int = 50
    after: Behind | None = None

    @property
    def levels(self) -> tuple[int, ...] | None:
        """The levels of severity that are asked for."""
        if isinstance(self.severity, int):
            return (self.severity,)
        if self.severity is not None:
            return tuple(self.severity)
        # The index of kinds has the severity before the time.
        return None if self.kind is None else _LEVELS


def alerts_asked(
    connection: Connection,
    asked: Asked,
    *,
    incident: str | None,
    suppressed: bool | None,
    first_first: bool,
) -> list[Row[Any]]:
    """Return a page of alerts."""
    always = [] if incident is None else [alerts.c.incident == incident]
    if suppressed is not None:
        always.append(SUPPRESSED if suppressed else ~SUPPRESSED)
    ends = (alerts.c.source_address, alerts.c.destination)
    if incident is not None:
        always += _exactly(alerts, asked)
        if asked.address is not None:
            always.append(or_(*(begins(end, asked.address) for end in ends)))
        each: Iterable[list[ColumnElement[bool]]] = [[]]
    elif asked.address is not None:
        always += _exactly(alerts, asked)
        each = [[begins(end, asked.address)] for end in ends]
    else:
        each = _values(connection, alerts, asked)
    return _page(connection, alerts.c.seen, [[*one, *always] for one in each], asked, first_first)


def incidents_asked(connection: Connection, asked: Asked, *, state: str | None) -> list[Row[Any]]:
    """Return a page of incidents, the newest first."""
    each, _ = _incidents(connection, asked, state)
    return _page(connection, incidents.c.opened, each, asked)


def incidents_counted(
    connection: Connection, asked: Asked, *, state: str | None, down_to: Behind | None
) -> int | None:
    """Return how many incidents there are: at most `asked.limit`, or as many and more.

    Parameters
    ----------
    down_to
        The last one that counts, of the newest first; None for all.

    Returns
    -------
    None where all of them would have to be looked at, each with its alerts.
    """
    each, is_broad = _incidents(connection, asked, state)
    if is_broad:
        return None
    within = [*_within(incidents.c.opened, asked, first_first=False)]
    if down_to is not None:
        here = tuple_(incidents.c.opened, incidents.c.id)
        within.append(here >= (down_to.seconds, down_to.id))
    count = 0
    for conditions in each:
        some = select(incidents.c.id).where(and_(True, *conditions, *within))
        bounded = some.limit(asked.limit - count).subquery()
        count += connection.scalar(select(func.count()).select_from(bounded)) or 0
    return count


def _incidents(
    connection: Connection, asked: Asked, state: str | None
) -> tuple[list[list[ColumnElement[bool]]], bool]:
    """Return conditions that together are what is asked, and whether an address is a broad one."""
    always: list[ColumnElement[bool]] = []
    if state is not None:
        is_open = incidents.c.closed.is_(None)
        always.append(is_open if state == "open" else ~is_open)
    each = _open_ones if state == "open" else _values
    is_broad = False
    parts: Iterable[list[ColumnElement[bool]]]
    if asked.address is None:
        parts = each(connection, incidents, asked)
    else:
        fits = [
            begins(end, asked.address) for end in (alerts.c.source_address, alerts.c.destination)
        ]
        found = [select(alerts.c.incident).where(one) for one in fits]
        is_broad = any(_is_broad(connection, one) for one in found)
        if is_broad:
            # The newest are soon found: each is asked whether it has such an alert.
            always.append(
                select(alerts.c.id).where(alerts.c.incident == incidents.c.id, or_(*fits)).exists()
            )
            parts = each(connection, incidents, asked)
        else:
            parts = [[*_exactly(incidents, asked), incidents.c.id.in_(union(*found))]]
    return [[*one, *always] for one in parts], is_broad


def _is_broad(connection: Connection, found: Select[tuple[str]]) -> bool:
    return connection.scalar(found.offset(_BROAD - 1).limit(1)) is not None


def begins(column: Column[str], text: str) -> ColumnElement[bool]:
    """Return whether a column is an address, or begins with a text that is none.

    A star at its end makes an address a beginning: ``fe80::*``.

    Raises
    ------
    ParameterError
        If it is none, and too short for a beginning.
    """
    start = text.removesuffix("*")
    if start == text and ip_address(text) is not None:
        return column == text
    if len(start) < _SHORTEST:
        raise ParameterError(
            f"address must be an address, or at least {_SHORTEST} letters that one begins with, "
            f"got {short_repr(text)}"
        )
    return and_(column >= start, column < start + _LAST_LETTER)


def _values(
    connection: Connection, table: Table, asked: Asked
) -> Iterator[list[ColumnElement[bool]]]:
    """Yield conditions, each of which is a part of an index, that together are what is asked."""
    for source in _sources(connection, asked):
        mine = [table.c.source == source]
        if asked.kind is not None:
            mine.append(table.c.kind == asked.kind)
        if asked.levels is None:
            yield mine
        else:
            for level in asked.levels:
                yield [*mine, table.c.severity == level]


def _open_ones(
    connection: Connection, table: Table, asked: Asked
) -> Iterator[list[ColumnElement[bool]]]:
    """Yield likewise where open incidents are asked for: they are few, and lie in one index.

    What else is asked of them is written such that it leads to no other index.
    """
    others: list[ColumnElement[bool]] = []
    if asked.kind is not None:
        others.append(func.coalesce(table.c.kind, "") == asked.kind)
    if asked.severity is not None and asked.levels is not None:
        others.append(func.coalesce(table.c.severity, 0).in_(asked.levels))
    for source in _sources(connection, asked):
        yield [table.c.source == source, *others]


def _sources(connection: Connection, asked: Asked) -> list[str]:
    known = connection.scalars(select(followers.c.source)) if asked.source is None else ()
    return list(known) if asked.source is None else [asked.source]


def _exactly(table: Table, asked: Asked) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.source is not None:
        conditions.append(table.c.source == asked.source)
    if asked.kind is not None:
        conditions.append(table.c.kind == asked.kind)
    if asked.severity is not None and asked.levels is not None:
        conditions.append(table.c.severity.in_(asked.levels))
    return conditions


def _page(
    connection: Connection,
    time: Column[float],
    each: Sequence[list[ColumnElement[bool]]],
    asked: Asked,
    first_first: bool = False,
) -> list[Row[Any]]:
    """Return the first rows, in the order of time and id, of those that meet any conditions."""
    table = time.table
    order = (time, table.c.id)
    within = [*_within(time, asked, first_first=first_first)]
    found: dict[str, Row[Any]] = {}
    for conditions in each:
        asking = select(table).where(and_(True, *conditions, *within)).limit(asked.limit)
        by = order if first_first else tuple(column.desc() for column in order)
        found |= {row.id: row for row in connection.execute(asking.order_by(*by))}

    def place(row: Row[Any]) -> tuple[float, str]:
        return getattr(row, time.name), row.id

    return sorted(found.values(), key=place, reverse=not first_first)[: asked.limit]


def _within(
    time: Column[float], asked: Asked, *, first_first: bool
) -> Iterator[ColumnElement[bool]]:
    if asked.since is not None:
        yield time >= asked.since
    if asked.until is not None:
        yield time < asked.until
    if asked.after is not None:
        here, there = tuple_(time, time.table.c.id), (asked.after.seconds, asked.after.id)
        yield here > there if first_first else here < there

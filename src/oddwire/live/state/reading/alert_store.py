"""The store as people read it: alerts, incidents and heartbeats of all sources.

Nothing here writes, and no reader makes a follower wait.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import func, inspect, select

from oddwire.errors import NotStoredError, ParameterError, short_repr
from oddwire.live.state.database import Database, in_pieces
from oddwire.live.state.reading.lists import (
    Asked,
    Behind,
    alerts_asked,
    incidents_asked,
    incidents_counted,
)
from oddwire.live.state.records import Beat, MoreAlerts, StoredAlert, StoredIncident
from oddwire.live.state.tables import (
    SUPPRESSED,
    alerts,
    check_version,
    heartbeats,
    incidents,
    more_alerts,
    versions,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Table

_PATIENCE = 10.0  # seconds: somebody waits for the answer
_SHORTEST = 4  # letters of an id
_ID = re.compile("[0-9a-f]+")
_NAMED = 3  # ids in a sentence


class AlertStore:
    """Alerts and incidents of all sources, for reading.

    Parameters
    ----------
    address
        As of `Store`; see `store_address`.

    Raises
    ------
    NoStoreError
        If there is no store yet: nothing is made.
    ServiceError
        If it does not answer, or is of another version.
    """

    def __init__(self, address: str, *, patience: float = _PATIENCE) -> None:
        self._database = Database(address, patience=patience, read_only=True)
        if not self._database.read(lambda one: inspect(one).has_table(versions.name)):
            raise self._database.not_there()
        self._database.read(check_version)

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

    def incidents(
        self,
        *,
        source: str | None = None,
        state: str | None = None,
        severity: int | Collection[int] | None = None,
        kind: str | None = None,
        since: float | None = None,
        until: float | None = None,
        address: str | None = None,
        limit: int = 50,
        after: Behind | None = None,
    ) -> list[StoredIncident]:
        """Return a page of incidents, the newest first.

        Parameters
        ----------
        state
            ``open`` or ``closed``.
        severity
            A level, or several.
        since, until
            When they opened: from this moment on, before that one; seconds since 1970.
        address
            Of any of their alerts, its source or its destination; or what one begins with, where
            it is no whole address or ends with a star.
        after
            The last incident of the page before: its time of opening and its id.
        """
        asked = Asked(source, severity, kind, since, until, address, limit, after)
        rows = self._database.read(lambda one: incidents_asked(one, asked, state=state))
        return [_incident(row) for row in rows]

    def count_incidents(
        self,
        *,
        source: str | None = None,
        state: str | None = None,
        severity: int | Collection[int] | None = None,
        kind: str | None = None,
        since: float | None = None,
        until: float | None = None,
        address: str | None = None,
        down_to: Behind | None = None,
        most: int = 10_000,
    ) -> int | None:
        """Return how many incidents `incidents` lists; where there are more than most, most.

        Parameters
        ----------
        down_to
            The last that counts, of the newest first; None for all.
        most
            How many are looked at.

        Returns
        -------
        None where an address is of so many alerts that counting would take long.
        """
        asked = Asked(source, severity, kind, since, until, address, most)
        return self._database.read(
            lambda one: incidents_counted(one, asked, state=state, down_to=down_to)
        )

    def incidents_of(self, ids: Collection[str]) -> dict[str, str]:
        """Return the incident of each alert that is listed and belongs to one, by its id.

        An incident is its own.
        """

        def found(connection: Connection) -> dict[str, str]:
            incident: dict[str, str] = {}
            named = select(alerts.c.id, alerts.c.incident).where(alerts.c.incident != "")
            for some in in_pieces(ids):
                rows = connection.execute(named.where(alerts.c.id.in_(some)))
                incident |= {row.id: row.incident for row in rows}
                themselves = select(incidents.c.id).where(incidents.c.id.in_(some))
                incident |= {name: name for name in connection.scalars(themselves)}
            return incident

        return self._database.read(found)

    def count_together(self) -> int:
        """Return how many alerts are kept together, so that no list has them."""
        asking = select(func.sum(more_alerts.c.alerts))
        return int(self._database.read(lambda one: one.scalar(asking)) or 0)

    def suppressed(self) -> dict[str, int]:
        """Return how many stored alerts of each source the allow-list keeps from being sent."""
        asking = select(alerts.c.source, func.count().label("alerts")).where(SUPPRESSED)
        grouped = asking.group_by(alerts.c.source)
        rows = self._database.read(lambda one: one.execute(grouped).all())
        return {row.source: row.alerts for row in rows}

    def alerts(
        self,
        *,
        source: str | None = None,
        incident: str | None = None,
        severity: int | Collection[int] | None = None,
        kind: str | None = None,
        since: float | None = None,
        until: float | None = None,
        suppressed: bool | None = None,
        address: str | None = None,
        limit: int = 50,
        after: Behind | None = None,
    ) -> list[StoredAlert]:
        """Return a page of alerts, the newest first.

        Parameters
        ----------
        incident
            Its whole id.
        suppressed
            Whether they are; None for both.
        severity, since, until, address, after
            As of `incidents`.
        """
        asked = Asked(source, severity, kind, since, until, address, limit, after)
        return self._alerts(asked, incident=incident, suppressed=suppressed)

    def alerts_of(
        self, incident: str, *, limit: int = 50, after: Behind | None = None
    ) -> list[StoredAlert]:
        """Return a page of an incident's alerts, the first first."""
        asked = Asked(limit=limit, after=after)
        return self._alerts(asked, incident=incident, first_first=True)

    def more_alerts_of(self, incident: str) -> Iterator[MoreAlerts]:
        """Yield the alerts of an incident that are not listed, the first first."""
        after = ""
        while (row := self._more_alerts(incident, after)) is not None:
            yield MoreAlerts(row.incident, row.alerts, row.content)
            after = row.id

    def incident(self, name: str) -> StoredIncident:
        """Return an incident by its id or the beginning of it.

        Raises
        ------
        NotStoredError
            If there is none.
        ParameterError
            If it is no id, too short, or the beginning of several.
        """
        return _incident(self._one(name, "incident", incidents))

    def alert(self, name: str) -> StoredAlert:
        """Return an alert by its id or the beginning of it; raises as `incident`."""
        return _alert(self._one(name, "alert", alerts))

    def either(self, name: str) -> StoredAlert | StoredIncident:
        """Return the alert or the incident that an id is of; raises as `incident`."""
        row, table = self._only(name, "alert or incident", (incidents, alerts))
        return _incident(row) if table is incidents else _alert(row)

    def heartbeats(self) -> list[Beat]:
        """Return what the process of each source last said of itself."""
        asking = select(heartbeats).order_by(heartbeats.c.source)
        rows = self._database.read(lambda one: one.execute(asking).all())
        return [Beat(row.source, row.at, row.content) for row in rows]

    def _more_alerts(self, incident: str, after: str) -> Row[Any] | None:
        which = (more_alerts.c.incident == incident, more_alerts.c.id > after)
        asking = select(more_alerts).where(*which).order_by(more_alerts.c.id).limit(1)
        return self._database.read(lambda one: one.execute(asking).one_or_none())

    def _alerts(
        self,
        asked: Asked,
        *,
        incident: str | None,
        suppressed: bool | None = None,
        first_first: bool = False,
    ) -> list[StoredAlert]:
        rows = self._database.read(
            lambda one: alerts_asked(
                one, asked, incident=incident, suppressed=suppressed, first_first=first_first
            )
        )
        return [_alert(row) for row in rows]

    def _one(self, name: str, what: str, table: Table) -> Row[Any]:
        return self._only(name, what, (table,))[0]

    def _only(self, name: str, what: str, tables: Collection[Table]) -> tuple[Row[Any], Table]:
        """Return the only row of some tables whose id begins so."""
        if not _ID.fullmatch(name) or len(name) < _SHORTEST:
            raise ParameterError(
                f"the id of an {what} must be at least {_SHORTEST} of the digits 0 to 9 and a to f "
                f"that it begins with, got {short_repr(name)}"
            )
        found = self._database.read(
            lambda one: [(row, table) for table in tables for row in _beginning(one, table, name)]
        )
        if not found:
            raise NotStoredError(
                f"the store has no {what} {short_repr(name)}: it was never raised, or it was "
                "deleted because it was old, or it is one of those that an incident keeps unlisted"
            )
        if len(found) > 1:
            ids = ", ".join(row.id for row, _ in found[:_NAMED])
            more = " and more" if len(found) > _NAMED else ""
            raise ParameterError(
                f"the id of an {what} must begin as no other does, got {short_repr(name)}, with "
                f"which {ids}{more} begin"
            )
        return found[0]


def _beginning(connection: Connection, table: Table, name: str) -> list[Row[Any]]:
    # No digit of an id comes after f.
    which = (table.c.id >= name, table.c.id < f"{name}g")
    asking = select(table).where(*which).order_by(table.c.id).limit(_NAMED + 1)
    return list(connection.execute(asking))


def _alert(row: Row[Any]) -> StoredAlert:
    return StoredAlert(
        id=row.id, seen=row.seen, content=row.content, incident=row.incident,
        suppressed=row.suppressed, severity=row.severity, kind=row.kind,
        source_address=row.source_address, destination=row.destination,
    )  # fmt: skip


def _incident(row: Row[Any]) -> StoredIncident:
    return StoredIncident(
        id=row.id, opened=row.opened, updated=row.updated, content=row.content,
        closed=row.closed, alerts=row.alerts, severity=row.severity, kind=row.kind,
    )  # fmt: skip

"""What suppresses stored alerts: counted, and written down anew when the allow-list changes."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import bindparam, func, select, update

from oddwire.live.state.database import Database
from oddwire.live.state.records import StoredAlert
from oddwire.live.state.tables import SUPPRESSED, alerts

if TYPE_CHECKING:
    from sqlalchemy import Connection


def count(connection: Connection, source: str) -> int:
    """Return how many stored alerts of a source are suppressed, as the allow-list stands."""
    mine = (alerts.c.source == source, SUPPRESSED)
    return connection.scalar(select(func.count()).select_from(alerts).where(*mine)) or 0


class Suppressions:
    """Changes what suppresses the alerts of a store, which is there.

    Parameters
    ----------
    address
        As of `Store`.
    """

    def __init__(self, address: str) -> None:
        self._database = Database(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()

    def write(self, changed: Iterable[StoredAlert]) -> None:
        """Write `suppressed` and the content of some alerts, in one short transaction."""
        rows = [
            {"of": one.id, "suppressed": one.suppressed, "content": one.content} for one in changed
        ]
        if rows:
            self._database.write(
                lambda one: one.execute(update(alerts).where(alerts.c.id == bindparam("of")), rows)
            )

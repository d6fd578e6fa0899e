"""What people judged of incidents and alerts, from the tables that ``oddwire label`` writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from oddwire.errors import DataError
from oddwire.live.page.texts.judged import Judged
from oddwire.traffic.verdicts.table import Verdict, VerdictTable

if TYPE_CHECKING:
    from oddwire.live.state import AlertStore

_ASK_AGAIN = 10.0  # seconds after which alerts that were not stored are looked for again
_Version = tuple[int, int, int]


@dataclass(frozen=True)
class _Table:
    """A table as it was read, and the incidents of its alerts as far as the store knew them."""

    version: _Version | None
    asked: float
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)  # by alert
    alerts: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by incident
    unknown: Sequence[str] = ()
    trouble: str = ""


class Verdicts:
    """The tables of all sources; each is read again when its file has changed.

    Parameters
    ----------
    file
        Returns where the table of a source is.
    """

    def __init__(self, file: Callable[[str], Path]) -> None:
        self._file = file
        self._tables: dict[str, _Table] = {}  # each is replaced whole: threads may share them

    def of_alerts(self, source: str, alerts: Iterable[str], store: AlertStore) -> Judged:
        """Return what people judged of some alerts of a source."""
        table = self._table(source, store)
        found = (table.verdicts.get(alert) for alert in alerts)
        return Judged(tuple(one for one in found if one is not None), table.trouble)

    def of_incident(self, source: str, incident: str, store: AlertStore) -> Judged:
        """Return what people judged of the alerts of an incident."""
        table = self._table(source, store)
        return self.of_alerts(source, table.alerts.get(incident, ()), store)

    def _table(self, source: str, store: AlertStore) -> _Table:
        file, now = self._file(source), time.monotonic()
        version, known = _version(file), self._tables.get(source)
        if known is None or known.version != version:
            known = _read(file, version, now)
            known = _looked_up(known, known.verdicts, now, store)
        elif known.unknown and now - known.asked >= _ASK_AGAIN:
            known = _looked_up(known, known.unknown, now, store)
        self._tables[source] = known
        return known


def _version(file: Path) -> _Version | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(file: Path, version: _Version | None, now: float) -> _Table:
    try:
        return _Table(version, now, {one.alert: one for one in VerdictTable.read(file)})
    except DataError as error:
        return _Table(version, now, trouble=str(error))


def _looked_up(table: _Table, wanted: Iterable[str], now: float, store: AlertStore) -> _Table:
    """Return a table with the incidents of more of its alerts, as far as they are stored."""
    listed = [alert for alert in wanted if alert.isascii() and alert.isalnum()]  # people edit it
    found = store.incidents_of(listed)
    alerts = {incident: [*some] for incident, some in table.alerts.items()}
    for alert, incident in found.items():
        alerts.setdefault(incident, []).append(alert)
    unknown = tuple(alert for alert in listed if alert not in found)
    return replace(table, asked=now, alerts=alerts, unknown=unknown)

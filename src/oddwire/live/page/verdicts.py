"""What people judged of incidents and alerts, from the tables that ``oddwire label`` writes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from oddwire.disk.changing import ChangingFile
from oddwire.errors import DataError
from oddwire.live.alerts.alert import Alert
from oddwire.live.page.texts.judged import Judged
from oddwire.live.verdicts.labelling import connection_of
from oddwire.traffic.verdicts.table import Verdict, VerdictTable

if TYPE_CHECKING:
    from oddwire.live.state import AlertStore

_ASK_AGAIN = 10.0  # seconds after which alerts that were not stored are looked for again


@dataclass(frozen=True)
class _Incidents:
    """The incidents that the verdicts of a table are about, as far as the store knew them."""

    table: VerdictTable
    asked: float
    unknown: Collection[str]  # ids of alerts and incidents
    verdicts: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)  # by incident


class Verdicts:
    """The tables of all sources; each is read again when its file has changed.

    Parameters
    ----------
    file
        Returns where the table of a source is.
    """

    def __init__(self, file: Callable[[str], Path]) -> None:
        self._file = file
        # Each is replaced whole: threads may share them.
        self._tables: dict[str, ChangingFile[VerdictTable]] = {}
        self._incidents: dict[str, _Incidents] = {}

    def of_alert(self, alert: Alert) -> Judged:
        """Return what people judged of the connection of an alert."""
        try:
            table = self._table(alert.made_by.source)
        except DataError as error:
            return Judged(trouble=str(error))
        if alert.start is None:
            return Judged()
        found = table.by_key.get(connection_of(alert).key)
        return Judged() if found is None else Judged((found,))

    def of_incident(self, source: str, incident: str, store: AlertStore) -> Judged:
        """Return what people judged of an incident, or of its alerts."""
        try:
            table = self._table(source)
        except DataError as error:
            return Judged(trouble=str(error))
        known = self._incidents.get(source)
        if known is None or known.table is not table:
            known = _looked_up(_Incidents(table, 0.0, {one.alert for one in table}), store)
        elif known.unknown and time.monotonic() - known.asked >= _ASK_AGAIN:
            known = _looked_up(known, store)
        self._incidents[source] = known
        return Judged(tuple(known.verdicts.get(incident, ())))

    def _table(self, source: str) -> VerdictTable:
        if source not in self._tables:
            self._tables[source] = ChangingFile(self._file(source), VerdictTable.read)
        return self._tables[source].content()


def _looked_up(known: _Incidents, store: AlertStore) -> _Incidents:
    """Return the incidents of those verdicts, too, that were about what was not stored before."""
    listed = {one for one in known.unknown if one.isascii() and one.isalnum()}  # people edit it
    incidents = store.incidents_of(listed)
    verdicts = defaultdict(list, {name: [*some] for name, some in known.verdicts.items()})
    for one in known.table:
        if one.alert in incidents:
            verdicts[incidents[one.alert]].append(one)
    unknown = listed - incidents.keys()
    return _Incidents(known.table, time.monotonic(), unknown, dict(verdicts))

"""The incidents of a watched source, as the store has them: those that are open, and new ones."""

from __future__ import annotations

from collections import deque

from oddwire.errors import OddwireError
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.severity import Severity
from oddwire.live.state.contents import incident_of
from oddwire.live.state.database import store_address
from oddwire.live.state.reading import AlertStore
from oddwire.project import Project

_KNOWN = 10_000  # ids that are remembered
_BEHIND = 50  # incidents that are looked at behind the new ones: rows may come late


class OpenedIncidents:
    """Reads the incidents of one source.

    Where the store cannot be read there are none: whoever watches says what is wrong with it.
    """

    def __init__(self, project: Project, source: str) -> None:
        self._project, self._source = project, source
        self._known: deque[str] = deque(maxlen=_KNOWN)

    def open(self, most: int) -> list[Incident]:
        """Return those that are open, the most severe first, of equal ones the newest."""
        found: list[Incident] = []
        for level in sorted(Severity, reverse=True):
            if len(found) < most:
                found += self._read(state="open", severity=level.value, limit=most - len(found))
        return found

    def new(self, most: int) -> list[Incident]:
        """Return up to so many that are new since the last look, the oldest first."""
        found = self._read(limit=most + _BEHIND)
        new = [one for one in found if one.id not in self._known][:most]
        self._known.extend(one.id for one in found if one.id not in self._known)
        return new[::-1]

    def _read(
        self, *, limit: int, state: str | None = None, severity: int | None = None
    ) -> list[Incident]:
        try:
            with AlertStore(store_address(self._project.live)) as store:
                found = store.incidents(
                    source=self._source, state=state, severity=severity, limit=limit
                )
        except OddwireError:
            return []
        return [incident_of(one) for one in found]

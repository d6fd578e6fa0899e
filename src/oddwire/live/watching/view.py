"""Who is told how a watch goes on, whoever that is: a terminal, a log, a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.incidents import Change
from oddwire.live.vitals.heartbeat import Heartbeat


class WatchView(Protocol):
    """What a watch tells as it goes on."""

    def show(self, heartbeat: Heartbeat, incidents: Sequence[Incident]) -> None:
        """Hear how it stands, and which incidents are open, the newest last."""

    def incident(self, change: Change) -> None:
        """Hear what has become of an incident."""

    def notice(self, text: str) -> None:
        """Hear of what is no error and should be known."""

    def close(self) -> None:
        """Hear that nothing comes any more."""

"""What sinks are told: incidents first, each alert behind its incident where that is asked for."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from oddwire import __version__
from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.formats import ecs, ocsf
from oddwire.live.alerts.formats.quiet import Quiet, quiet_document, quiet_event
from oddwire.live.alerts.incidents import Change
from oddwire.live.scoring.alerting import Raised
from oddwire.live.state import Message
from oddwire.params.watch import AlertFormat


class Messages:
    """Writes what sinks are told.

    Parameters
    ----------
    alert_format
        Of the documents.
    send_alerts
        Whether every alert that is not suppressed is told as well.
    """

    def __init__(self, alert_format: AlertFormat, *, send_alerts: bool) -> None:
        self._format, self._send_alerts = alert_format, send_alerts
        self._observer = socket.gethostname()

    def of(self, raised: Raised) -> tuple[Message, ...]:
        """Return the messages of a micro-batch, in order."""
        return tuple(self._each(raised))

    def of_quiet(self, quiet: Quiet) -> Message:
        """Return the message that nothing comes any more, or that it goes on."""
        if self._format == "ocsf":
            document = quiet_event(quiet, version=__version__)
        else:
            document = quiet_document(quiet, observer=self._observer, version=__version__)
        return Message(quiet.id, "quiet", _line(document))

    def _each(self, raised: Raised) -> Iterator[Message]:
        for change in raised.grouped.changes:
            incident = change.incident
            # The same state of an incident is never said twice, in whatever run.
            name = f"{incident.id}-{change.what}-{incident.count}"
            yield Message(name, "incident", _line(self._incident(change)), incident.id)
        if self._send_alerts:
            for alert in raised.alerts:
                if alert.suppressed_by is None:
                    joined = raised.grouped.joined[alert.id]
                    yield Message(alert.id, "alert", _line(self._alert(alert, joined)), joined)

    def _incident(self, change: Change) -> Mapping[str, Any]:
        if self._format == "ocsf":
            return ocsf.incident_finding(change, version=__version__)
        return ecs.incident_document(change, observer=self._observer, version=__version__)

    def _alert(self, alert: Alert, incident: str) -> Mapping[str, Any]:
        if self._format == "ocsf":
            return ocsf.alert_finding(alert, version=__version__, incident=incident)
        return ecs.alert_document(
            alert, observer=self._observer, version=__version__, incident=incident
        )


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(document, allow_nan=False, separators=(",", ":"))

"""Alerts and incidents as the store keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.incident import Incident
from oddwire.live.scoring.alerting import Raised
from oddwire.live.scoring.kept_rows import PastRows
from oddwire.live.state import KeptRows, StoredAlert, StoredIncident
from oddwire.traffic.features.clock import MICROSECONDS


def stored_alerts(raised: Raised) -> tuple[StoredAlert, ...]:
    """Return the alerts of a micro-batch with all that scoring them again needs."""
    return tuple(
        _stored_alert(alert, features, raised.grouped.joined.get(alert.id, ""))
        for alert, features in zip(raised.alerts, raised.features, strict=True)
    )


def stored_incidents(raised: Raised) -> tuple[StoredIncident, ...]:
    """Return the incidents that have changed, each as it stands now."""
    return tuple(_stored_incident(each) for each in raised.grouped.changed.values())


def kept_rows(past: PastRows) -> KeptRows:
    """Return the rows of a micro-batch as they are kept."""
    return KeptRows(past.packed(), len(past.rows), int(past.clock[0]), int(past.clock[-1]))


def _stored_alert(alert: Alert, features: Mapping[str, Any], incident: str) -> StoredAlert:
    return StoredAlert(
        id=alert.id,
        seen=_seconds(alert.clock),
        content=json.dumps({"alert": alert.to_dict(), "features": features}),
        incident=incident,
        suppressed=alert.suppressed_by or "",
        severity=int(alert.severity),
        kind=alert.kind.value,
        source_address=alert.source.address or "",
        destination=alert.destination.address or "",
    )


def _stored_incident(incident: Incident) -> StoredIncident:
    return StoredIncident(
        id=incident.id,
        opened=_seconds(incident.opened),
        updated=_seconds(incident.last),
        content=json.dumps(incident.to_dict()),
        closed=None if incident.state == "open" else _seconds(incident.closed or incident.last),
        alerts=incident.count,
        severity=int(incident.severity),
        kind=incident.kind.value,
    )


def _seconds(clock: int | None) -> float:
    return 0.0 if clock is None else clock / MICROSECONDS

"""What a micro-batch came to, as the store keeps it."""

from __future__ import annotations

from collections import defaultdict

from oddwire.live.scoring.alerting import Raised
from oddwire.live.scoring.kept_rows import PastRows
from oddwire.live.state import (
    KeptRows,
    MoreAlerts,
    StoredAlert,
    StoredIncident,
    more_alerts,
    stored_alert,
    stored_incident,
)


def stored_alerts(raised: Raised) -> tuple[StoredAlert, ...]:
    """Return the listed alerts of a micro-batch, with all that scoring them again needs."""
    joined = raised.grouped.joined
    return tuple(
        stored_alert(alert, incident=joined.get(alert.id, ""), features=raised.features[alert.id])
        for alert in raised.alerts
        if alert.id not in raised.grouped.unlisted
    )


def stored_together(raised: Raised) -> tuple[MoreAlerts, ...]:
    """Return the others, those of an incident together."""
    grouped, of_incident = raised.grouped, defaultdict(list)
    for alert in raised.alerts:
        if alert.id in grouped.unlisted:
            of_incident[grouped.joined[alert.id]].append(alert)
    return tuple(more_alerts(name, alerts) for name, alerts in of_incident.items())


def stored_incidents(raised: Raised) -> tuple[StoredIncident, ...]:
    """Return the incidents that have changed, each as it stands now."""
    return tuple(map(stored_incident, raised.grouped.changed.values()))


def kept_rows(past: PastRows) -> KeptRows:
    """Return the rows of a micro-batch as they are kept."""
    return KeptRows(past.packed(), len(past.rows), int(past.clock[0]), int(past.clock[-1]))

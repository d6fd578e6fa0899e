"""What a micro-batch came to, as the store keeps it."""

from __future__ import annotations

from oddwire.live.scoring.alerting import Raised
from oddwire.live.scoring.kept_rows import PastRows
from oddwire.live.state import KeptRows, StoredAlert, StoredIncident, stored_alert, stored_incident


def stored_alerts(raised: Raised) -> tuple[StoredAlert, ...]:
    """Return the alerts of a micro-batch with all that scoring them again needs."""
    joined = raised.grouped.joined
    return tuple(
        stored_alert(alert, incident=joined.get(alert.id, ""), features=features)
        for alert, features in zip(raised.alerts, raised.features, strict=True)
    )


def stored_incidents(raised: Raised) -> tuple[StoredIncident, ...]:
    """Return the incidents that have changed, each as it stands now."""
    return tuple(map(stored_incident, raised.grouped.changed.values()))


def kept_rows(past: PastRows) -> KeptRows:
    """Return the rows of a micro-batch as they are kept."""
    return KeptRows(past.packed(), len(past.rows), int(past.clock[0]), int(past.clock[-1]))

"""What is known of a source that is followed, in one SQL database.

In one transaction are committed: the follower's position, the state that later connections need,
alerts, incidents, and the outbox of every sink.
"""

from oddwire.live.state.contents import (
    alert_of,
    alerts_together,
    features_of,
    incident_of,
    more_alerts,
    stored_alert,
    stored_incident,
)
from oddwire.live.state.database import STORE_VARIABLE, own_address, store_address
from oddwire.live.state.reading import AlertStore
from oddwire.live.state.records import (
    Beat,
    Commit,
    Committed,
    Following,
    KeptRows,
    Message,
    MoreAlerts,
    Owner,
    Policy,
    SinkState,
    StoredAlert,
    StoredIncident,
    Waiting,
)
from oddwire.live.state.store import Store

__all__ = [
    "STORE_VARIABLE",
    "AlertStore",
    "Beat",
    "Commit",
    "Committed",
    "Following",
    "KeptRows",
    "Message",
    "MoreAlerts",
    "Owner",
    "Policy",
    "SinkState",
    "Store",
    "StoredAlert",
    "StoredIncident",
    "Waiting",
    "alert_of",
    "alerts_together",
    "features_of",
    "incident_of",
    "more_alerts",
    "own_address",
    "store_address",
    "stored_alert",
    "stored_incident",
]

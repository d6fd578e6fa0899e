"""What is known of a source that is followed, in one SQL database.

In one transaction are committed: the follower's position, the state that later connections need,
alerts, incidents, and the outbox of every sink.
"""

from oddwire.live.state.database import STORE_VARIABLE, store_address
from oddwire.live.state.ids import deterministic_id
from oddwire.live.state.records import (
    Alert,
    Commit,
    Committed,
    Following,
    Incident,
    Message,
    Policy,
    SinkState,
    Waiting,
)
from oddwire.live.state.store import Store

__all__ = [
    "STORE_VARIABLE",
    "Alert",
    "Commit",
    "Committed",
    "Following",
    "Incident",
    "Message",
    "Policy",
    "SinkState",
    "Store",
    "Waiting",
    "deterministic_id",
    "store_address",
]

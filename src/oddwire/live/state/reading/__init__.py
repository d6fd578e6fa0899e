"""The store as people read it, while a follower writes to it."""

from oddwire.live.state.reading.alert_store import AlertStore

__all__ = ["AlertStore"]

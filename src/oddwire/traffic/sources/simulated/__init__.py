"""Days of a small organisation's connections, made from a seed."""

from __future__ import annotations

from oddwire.traffic.sources.simulated.simulator import simulate

__all__ = ["simulate"]

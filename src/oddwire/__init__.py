"""Find anomalous connections in network traffic, and notice when the traffic changes."""

__version__ = "0.1.0"

"""Where alerts and incidents go: files, Redis streams, webhooks, syslog.

Each sink delivers from its outbox in the store: a file of JSON lines exactly once, all others at
least once, with the message's id to know it by.
"""

from oddwire.live.sinks.addresses import SinkAddress, open_sink, sink_address
from oddwire.live.sinks.contract import NotTaken, Refused, Sink, Undelivered, Unreachable
from oddwire.live.sinks.delivery import Deliveries, Delivery

__all__ = [
    "Deliveries",
    "Delivery",
    "NotTaken",
    "Refused",
    "Sink",
    "SinkAddress",
    "Undelivered",
    "Unreachable",
    "open_sink",
    "sink_address",
]

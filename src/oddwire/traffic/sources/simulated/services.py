"""The services that hosts speak, and how connections to them end.

Medians are payload bytes and seconds of one connection. They follow the orders of magnitude of
published campus and enterprise traces (request small, reply larger, log-normal bodies with
Pareto tails: Paxson & Floyd 1995; Crovella & Bestavros 1997); no row is copied from any trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Proto = Literal["tcp", "udp", "icmp"]


@dataclass(frozen=True)
class Service:
    """One service as a sensor sees it.

    Parameters
    ----------
    name
        Zeek's name, or None where Zeek recognises nothing.
    proto, port
        Transport and the responder's port (0: none, or told per connection).
    request, reply
        Median payload bytes of the originator and the responder.
    spread
        Standard deviation of the logarithm of those bytes.
    pause
        Median seconds of a connection that are not transfer: thinking, idling, keeping open.
    segment
        Payload bytes of a full packet.
    """

    name: str | None
    proto: Proto
    port: int
    request: float
    reply: float
    spread: float = 0.8
    pause: float = 0.3
    segment: int = 1380


CATALOGUE: dict[str, Service] = {
    "https": Service("ssl", "tcp", 443, 1_900, 9_500, 1.5, 6.0),
    "http": Service("http", "tcp", 80, 620, 5_200, 1.5, 1.2),
    "quic": Service("quic", "udp", 443, 3_200, 14_000, 1.5, 9.0, 1250),
    "update": Service("ssl", "tcp", 443, 1_500, 4_800, 0.5, 0.9),
    "sync": Service("ssl", "tcp", 443, 450_000, 16_000, 1.9, 20.0),
    "call": Service(None, "udp", 3478, 4_000_000, 4_800_000, 1.3, 700.0, 900),
    "dns": Service("dns", "udp", 53, 42, 118, 0.35, 0.012, 1400),
    "dns_long": Service("dns", "udp", 53, 108, 210, 0.3, 0.03, 1400),
    "ldap": Service("ldap", "tcp", 389, 700, 2_400, 0.9, 0.5),
    "kerberos": Service("krb", "udp", 88, 310, 1_350, 0.25, 0.008, 1400),
    "smb": Service("smb", "tcp", 445, 9_000, 32_000, 2.1, 25.0),
    "sql": Service("mysql", "tcp", 3306, 900, 6_000, 1.4, 2.0),
    "imap": Service("imap", "tcp", 143, 900, 7_500, 1.4, 40.0),
    "imaps": Service("ssl", "tcp", 993, 1_700, 8_800, 1.4, 55.0),
    "smtp": Service("smtp", "tcp", 25, 14_000, 620, 1.6, 1.6),
    "submission": Service("smtp", "tcp", 587, 22_000, 1_400, 1.7, 2.0),
    "ntp": Service("ntp", "udp", 123, 48, 48, 0.0, 0.02, 1400),
    "ssh": Service("ssh", "tcp", 22, 6_500, 14_000, 1.5, 240.0, 700),
    "ssh_login": Service("ssh", "tcp", 22, 1_350, 2_050, 0.12, 2.2, 500),
    "rdp": Service("rdp", "tcp", 3389, 90_000, 1_300_000, 1.3, 900.0, 900),
    "winrm": Service("http", "tcp", 5985, 3_800, 5_200, 1.0, 1.4),
    "ipp": Service("http", "tcp", 631, 160_000, 900, 1.6, 4.0),
    "print": Service(None, "tcp", 9100, 240_000, 60, 1.5, 3.0),
    "backup": Service(None, "tcp", 9102, 90_000_000, 45_000, 1.6, 30.0, 1448),
    "snmp": Service("snmp", "udp", 161, 88, 240, 0.4, 0.006, 1400),
    "check": Service("http", "tcp", 80, 180, 420, 0.2, 0.02),
    "ping": Service(None, "icmp", 0, 224, 224, 0.3, 3.0, 56),
    "rtsp": Service("rtsp", "tcp", 554, 5_000, 9_000_000, 0.6, 600.0),
    "mdns": Service("dns", "udp", 5353, 140, 0, 0.6, 0.5, 1400),
    "ssdp": Service(None, "udp", 1900, 520, 0, 0.3, 3.0, 130),
    "dhcp": Service("dhcp", "udp", 67, 300, 310, 0.05, 0.01, 1400),
    "probe": Service(None, "tcp", 0, 60, 150, 1.0, 0.05),
    "xmpp": Service("xmpp", "tcp", 5222, 26_000, 41_000, 0.9, 1_500.0, 260),
    "mqtt": Service("mqtt", "tcp", 1883, 210, 44, 0.5, 45.0, 120),
    "coap": Service(None, "udp", 5683, 34, 19, 0.4, 0.06, 1200),
}
SERVICES = tuple(CATALOGUE.values())
SERVICE_INDEX = {name: index for index, name in enumerate(CATALOGUE)}

# Zeek's conn_state; the first is the one of a connection that went well.
STATES = ("SF", "S0", "REJ", "RSTO", "RSTR", "S1", "S3", "SH", "OTH", "RSTOS0")
STATE_INDEX = {name: index for index, name in enumerate(STATES)}

# How connections end: weights of states, in the order of STATES.
OUTCOMES: dict[str, tuple[float, ...]] = {
    #               SF   S0  REJ RSTO RSTR S1  S3 SH OTH RSTOS0
    "ordinary": (930, 9, 5, 26, 12, 6, 3, 1, 7, 1),
    "reliable": (992, 3, 1, 1, 1, 1, 0, 0, 1, 0),
    "lasting": (720, 6, 3, 70, 30, 110, 16, 2, 42, 1),
    "unanswered": (0, 96, 2, 0, 0, 0, 0, 1, 0, 1),
    "refused": (0, 12, 86, 0, 0, 0, 0, 0, 0, 2),
    "login": (55, 2, 3, 22, 18, 0, 0, 0, 0, 0),
    "swept": (16, 36, 34, 7, 2, 0, 0, 2, 0, 3),
    "scan": (3, 54, 33, 5, 1, 0, 0, 1, 0, 3),
    "flood": (0, 88, 1, 0, 1, 3, 0, 3, 0, 4),
}


def index(names: list[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the positions of services in `SERVICES`."""
    return np.array([SERVICE_INDEX[name] for name in names], dtype=np.int64)

"""Names of protocols, and what the flags of TCP say of a connection, in Zeek's words."""

from __future__ import annotations

import re
from functools import lru_cache

# IANA's numbers that are met on a wire, under the names that Zeek and people use.
_NAMES = {
    1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 33: "dccp", 41: "ipv6", 46: "rsvp",
    47: "gre", 50: "esp", 51: "ah", 58: "icmp", 88: "eigrp", 89: "ospf", 103: "pim", 112: "vrrp",
    115: "l2tp", 132: "sctp", 136: "udplite",
}  # fmt: skip
_SAME = {"ipv6-icmp": "icmp", "icmp6": "icmp", "icmpv6": "icmp", "ospfigp": "ospf"}
_NUMBER = re.compile(r"[0-9]{1,3}")
WITH_PORTS = ("tcp", "udp", "sctp")  # of ICMP, what logs write as ports are its type and code
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


@lru_cache(maxsize=1024, typed=True)
def protocol(value: float | str | None) -> str | None:
    """Return a protocol's name by its name or number.

    Examples
    --------
    >>> protocol("TCP"), protocol(17), protocol("58"), protocol("IPv6-ICMP"), protocol(253)
    ('tcp', 'udp', 'icmp', 'icmp', 'proto-253')
    """
    if value is None:
        return None
    text = str(value).strip().lower()
    if _NUMBER.fullmatch(text):
        return _NAMES.get(int(text), f"proto-{int(text)}")
    return _SAME.get(text, text) or None


def tcp_state(sent: int, received: int, *, replied: bool) -> str:
    """Return Zeek's state of a TCP connection by the flags that were seen.

    The order of packets is not known, so that a half-open connection that was closed by both ends
    and one that was closed in order look alike.

    Parameters
    ----------
    sent, received
        All flags of the packets of the side that began, and of the other one.
    replied
        Whether the other side sent anything.

    Examples
    --------
    >>> tcp_state(SYN | ACK | FIN, SYN | ACK | FIN, replied=True)
    'SF'
    >>> tcp_state(SYN, RST | ACK, replied=True), tcp_state(SYN, 0, replied=False)
    ('REJ', 'S0')
    """
    if not sent & SYN:
        return "OTH" if not received & SYN else _answer_alone(received)
    if not replied:
        return "RSTOS0" if sent & RST else "SH" if sent & FIN else "S0"
    if not received & SYN:
        return "REJ" if received & RST else "OTH"
    return _established(sent, received)


def _established(sent: int, received: int) -> str:
    if (sent | received) & RST:
        return "RSTO" if sent & RST else "RSTR"
    if sent & FIN:
        return "SF" if received & FIN else "S2"
    return "S3" if received & FIN else "S1"


def _answer_alone(received: int) -> str:
    return "RSTRH" if received & RST else "SHR" if received & FIN else "OTH"


def other_state(*, replied: bool) -> str:
    """Return Zeek's state of a connection without flags: answered or not."""
    return "SF" if replied else "S0"

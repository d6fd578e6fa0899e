"""The Community ID of a connection: one name for it in every tool that sees it.

The published algorithm, version 1 with the seed 0, as Zeek, Suricata and Elastic compute it: SHA-1
of the seed, the ends in order, the protocol, a zero byte and the ports; base64 behind ``1:``. ICMP
has its type and code for ports, as Zeek writes them; a type that has an answer is paired with it,
and of a type without one the ends are not put in order.
"""

from __future__ import annotations

import base64
import hashlib
import struct

from oddwire.live.alerts.wire_names import ip_address

_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58, "icmp6": 58, "sctp": 132}
_ICMP, _ICMP6 = 1, 58
# Messages and their answers, both ways.
_ANSWERS = {
    _ICMP: {0: 8, 8: 0, 13: 14, 14: 13, 15: 16, 16: 15, 10: 9, 9: 10, 17: 18, 18: 17},
    _ICMP6: {
        128: 129, 129: 128, 133: 134, 134: 133, 135: 136, 136: 135, 130: 131, 131: 130,
        139: 140, 140: 139, 144: 145, 145: 144,
    },
}  # fmt: skip


def protocol_number(proto: str | None, *, is_ipv6: bool = False) -> int | None:
    """Return the IANA number of a protocol that has ports, None of any other.

    Zeek writes ``icmp`` for both versions of IP.
    """
    number = _NUMBERS.get((proto or "").lower())
    return _ICMP6 if number == _ICMP and is_ipv6 else number


def community_id(
    src: str | None, src_port: int | None, dst: str | None, dst_port: int | None, proto: str | None
) -> str | None:
    """Return the Community ID, None where an end, a port or the protocol is unknown.

    Examples
    --------
    >>> community_id("128.232.110.120", 34855, "66.35.250.204", 80, "tcp")
    '1:LQU9qZlK+B5F3KDmev6m5PMibrg='
    """
    one, other = ip_address(src), ip_address(dst)
    if one is None or other is None or one.version != other.version:
        return None
    number = protocol_number(proto, is_ipv6=one.version == 6)  # noqa: PLR2004
    if number is None or src_port is None or dst_port is None:
        return None
    first, second = (one.packed, src_port), (other.packed, dst_port)
    if number in _ANSWERS:
        answer = _ANSWERS[number].get(src_port)
        if answer is not None:
            second = (other.packed, answer)
        is_ordered = answer is None or first < second
    else:
        is_ordered = first < second
    if not is_ordered:
        first, second = second, first
    ends = first[0] + second[0] + struct.pack("!BBHH", number, 0, first[1], second[1])
    digest = hashlib.sha1(b"\0\0" + ends, usedforsecurity=False).digest()
    return "1:" + base64.b64encode(digest).decode()

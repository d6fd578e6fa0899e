"""Names from the wire as alerts carry them: printable, short, and still told apart."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

from oddwire.traffic.wire_text import printable

LONGEST = 128  # letters; a host name has up to 253, of which these tell it from others
_HASH = 8

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def wire_name(value: Any) -> str | None:
    r"""Return text from the wire as one short printable line, None where it is missing.

    What is cut or replaced gets a hash of the whole, so that two names stay two names: an attacker
    who may choose a name must not be able to join another host's incident with it.

    Examples
    --------
    >>> wire_name("10.0.0.5"), wire_name("a\x1b[2J"), wire_name("  "), wire_name(None)
    ('10.0.0.5', 'a�[2J~3f365b4b', None, None)
    >>> len(wire_name("x" * 1_000_000))
    137
    """
    import pandas as pd

    if pd.isna(value):
        return None
    text = str(value)
    shown = printable(text, LONGEST)
    if shown != text:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{shown}~{digest[:_HASH]}"
    return shown if shown.strip() else None


def ip_address(name: str | None) -> IpAddress | None:
    """Return the address that a name is, None where it is none.

    The zone of a link-local address is left out, and an IPv4 address written as an IPv6 one is the
    IPv4 address: formats and networks know neither.

    Examples
    --------
    >>> ip_address("::ffff:10.0.0.5"), ip_address("fe80::1%eth0"), ip_address("host.example")
    (IPv4Address('10.0.0.5'), IPv6Address('fe80::1'), None)
    """
    try:
        address = ipaddress.ip_address((name or "").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address

"""Names from the wire as alerts carry them: printable, short, and still told apart."""

from __future__ import annotations

import ipaddress
from typing import Any

from oddwire.traffic.wire_text import short_name

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def wire_name(value: Any) -> str | None:
    r"""Return text from the wire as `short_name` has it, None where it is missing.

    Examples
    --------
    >>> wire_name("10.0.0.5"), wire_name("a\x1b[2J"), wire_name("  "), wire_name(None)
    ('10.0.0.5', 'a�[2J~3f365b4b', None, None)
    >>> len(wire_name("x" * 1_000_000))
    137
    """
    if isinstance(value, str):
        return short_name(value)
    import pandas as pd  # not by the page of incidents, which needs nothing of it

    return None if pd.isna(value) else short_name(str(value))


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

"""On which side of the wire an address is."""

from __future__ import annotations

import ipaddress
import socket
from bisect import bisect_right
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Networks that are someone's own (RFC 1918, 6598, 3927, 4193 and the like), and those of groups.
# A list of ours, because the standard library's `is_private` counts the networks of documentation
# as private, and changes from one release of Python to the next.
_SIDES = {
    "inside": (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "255.255.255.255/32"),
        *("::/127", "fc00::/7", "fe80::/10"),
    ),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
}


class _Networks(NamedTuple):
    """Networks of one version of IP in ascending order: first and last address, and the side."""

    first: tuple[bytes, ...]
    last: tuple[bytes, ...]
    side: tuple[str, ...]

    @classmethod
    def of_version(cls, version: int) -> _Networks:
        networks = (
            (ipaddress.ip_network(network), side)
            for side, networks in _SIDES.items()
            for network in networks
        )
        rows = sorted(
            (network[0].packed, network[-1].packed, side)
            for network, side in networks
            if network.version == version
        )
        first, last, side = zip(*rows, strict=True)
        return cls(first, last, side)


_NETWORKS = {
    socket.AF_INET: _Networks.of_version(4),
    socket.AF_INET6: _Networks.of_version(6),
}


def sides(addresses: pd.Series[Any]) -> NDArray[np.object_]:
    """Find on which side of the wire each address is.

    Parameters
    ----------
    addresses
        Text of IPv4 or IPv6 addresses, shape (n,), missing allowed.

    Returns
    -------
    object array of shape (n,): ``inside`` for an address of a private or local network,
    ``multicast``, ``outside`` for any other, None where it is missing or no address of IP.
    """
    codes, different = pd.factorize(addresses)
    found = np.array([*map(_side_of, different), None], dtype=object)
    answers: NDArray[np.object_] = found[codes]  # code -1, missing, takes the last entry
    return answers


def _side_of(address: str) -> str | None:
    version = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        packed = socket.inet_pton(version, address.partition("%")[0])
    except (OSError, ValueError):  # a MAC address, or a name
        return None
    # Packed addresses of one version are equally long, so that bytes sort as addresses do.
    first, last, side = _NETWORKS[version]
    nearest = bisect_right(first, packed) - 1
    return side[nearest] if nearest >= 0 and packed <= last[nearest] else "outside"

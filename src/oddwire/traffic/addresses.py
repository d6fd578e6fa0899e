"""On which side of the wire an address is."""

from __future__ import annotations

import ipaddress
import socket
from bisect import bisect_right
from functools import lru_cache
from operator import itemgetter
from typing import Any

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


def _networks(version: int) -> list[tuple[bytes, bytes, str]]:
    """List the networks of a version of IP, ascending: first and last address, and the side."""
    return sorted(
        (network[0].packed, network[-1].packed, side)
        for side, networks in _SIDES.items()
        for network in map(ipaddress.ip_network, networks)
        if network.version == version
    )


_LONGEST = 45  # characters of an address of IPv6 with one of IPv4 inside
_NETWORKS = {socket.AF_INET: _networks(4), socket.AF_INET6: _networks(6)}


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
    codes, different = pd.factorize(addresses.to_numpy())
    found = np.array([*map(_side_of, different), None], dtype=object)
    answers: NDArray[np.object_] = found[codes]  # code -1, missing, takes the last entry
    return answers


def _side_of(address: str) -> str | None:
    # What a log calls an address may be of any length, and is not all worth remembering.
    return _known_side(address) if len(address) <= _LONGEST else _find_side(address)


def _find_side(address: str) -> str | None:
    version = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        packed = socket.inet_pton(version, address.partition("%")[0])
    except (OSError, ValueError):  # a MAC address, or a name
        return None
    # Packed addresses of one version are equally long, so that bytes sort as addresses do.
    networks = _NETWORKS[version]  # the first of which begins with the lowest address there is
    _, last, side = networks[bisect_right(networks, packed, key=itemgetter(0)) - 1]
    return side if packed <= last else "outside"


_known_side = lru_cache(maxsize=2**14)(_find_side)

"""What an alert looks like, from the features that set it apart: a table to read, not a classifier.

A kind is a name for what the explanation shows, so that people know where to look first. It is no
finding: the model knows only that the connection is unusual. Each line of `RULES` lists features
and what the connection must be for it; the line with the largest share of the explanation names the
kind, of equal ones the upper. Alerts that no line explains by a quarter are just unusual.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oddwire.live.alerts.alert import Reason

_ENOUGH = 0.25  # of what makes it anomalous, in features of a line
_MIDDLE = 0.5


class Kind(StrEnum):
    """What alerts can look like."""

    BRUTE_FORCE = "brute force"
    LATERAL_MOVEMENT = "lateral movement"
    TUNNEL = "tunnel"
    BEACON = "beacon"
    EXFILTRATION = "exfiltration"
    SCAN = "scan"
    FLOOD = "flood"
    NEW_SERVICE = "new service"
    ODD_VOLUME = "odd volume"
    UNUSUAL = "unusual"


# What says little of whose work it is: such alerts join an incident that says more.
VAGUE = frozenset({Kind.NEW_SERVICE, Kind.ODD_VOLUME, Kind.UNUSUAL})
# What one target gets from many sources at once: such alerts are one incident of the target.
OF_ONE_TARGET = frozenset({Kind.FLOOD, Kind.BRUTE_FORCE})


@dataclass(frozen=True)
class Ends:
    """What a rule may ask of a connection; each is None where unknown."""

    src_side: str | None = None
    dst_side: str | None = None
    dst_port: int | None = None
    proto: str | None = None
    service: str | None = None


_LOGIN_PORTS = frozenset({21, 22, 23, 110, 143, 389, 1433, 3306, 3389, 5432, 5900, 5985, 5986})
_REMOTE_PORTS = frozenset({22, 135, 139, 445, 3389, 5900, 5985, 5986})
_CARRIERS = frozenset({"dns", "icmp"})
_DNS = 53


def _login(ends: Ends) -> bool:
    return ends.dst_port in _LOGIN_PORTS


def _among_ourselves(ends: Ends) -> bool:
    inside = ends.src_side == ends.dst_side == "inside"
    return inside and ends.dst_port in _REMOTE_PORTS


def _carries(ends: Ends) -> bool:
    return ends.dst_port == _DNS or ends.proto == "icmp" or ends.service in _CARRIERS


def _outward(ends: Ends) -> bool:
    return ends.dst_side == "outside"


def _any(_: Ends) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """A line of the table.

    Parameters
    ----------
    kind
        What it names.
    features
        A pattern of the names of its features, numbers of which count where they are high.
    where
        What the connection must be.
    """

    kind: Kind
    features: re.Pattern[str]
    where: Callable[[Ends], bool] = _any


_W = r"_\d+s"  # a time window
RULES = (
    Rule(
        Kind.BRUTE_FORCE,
        re.compile(rf"pair_(connections|failure_share){_W}|(src|dst)_failure_share{_W}"),
        _login,
    ),
    Rule(
        Kind.LATERAL_MOVEMENT,
        re.compile(rf"src_(peers|connections|failure_share){_W}|service|conn_state|dst_port_class"),
        _among_ourselves,
    ),
    Rule(
        Kind.TUNNEL,
        re.compile(rf"src_port_size_shift|pair_(connections|bytes){_W}|.*bytes_per_packet|.*_bytes"),
        _carries,
    ),
    Rule(Kind.BEACON, re.compile(r"new_dst_(interval|size)_evenness|new_dst_connections"), _outward),
    Rule(
        Kind.EXFILTRATION,
        re.compile(rf"new_dst_bytes|src_(bytes|byte_share|packet_share)|src_bytes{_W}|src_bytes_per_packet"),
        _outward,
    ),
    Rule(Kind.SCAN, re.compile(rf"(src|pair)_ports{_W}|src_(peers|failure_share){_W}")),
    Rule(Kind.FLOOD, re.compile(rf"dst_(connections|peers|failure_share){_W}")),
    Rule(Kind.NEW_SERVICE, re.compile(r"service|proto|dst_port_class|(src|dst)_side|conn_state")),
    Rule(
        Kind.ODD_VOLUME,
        re.compile(rf"duration|.*(bytes|packets)(_per_second|_per_packet)?({_W})?|.*_share"),
    ),
)  # fmt: skip


def kind_of(reasons: Iterable[Reason], ends: Ends) -> Kind:
    """Return what an alert looks like.

    Parameters
    ----------
    reasons
        The features that set it apart.
    ends
        What its connection is.

    Examples
    --------
    >>> from oddwire.live.alerts.alert import Reason
    >>> peers = Reason("src_peers_60s", 240.0, 3.0, 0.999, 0.0, 0.6)
    >>> kind_of([peers], Ends("inside", "inside", 23)).value
    'scan'
    >>> kind_of([], Ends()).value
    'unusual'
    """
    odd = {reason.feature: reason.share for reason in reasons if _is_high(reason)}
    shares = {rule.kind: _explained(rule, odd) for rule in RULES if rule.where(ends)}
    best = max(shares, key=lambda kind: shares[kind])  # of equal ones the first in the table
    return best if shares[best] >= _ENOUGH else Kind.UNUSUAL


def _is_high(reason: Reason) -> bool:
    return reason.benign_quantile is None or reason.benign_quantile >= _MIDDLE


def _explained(rule: Rule, odd: Mapping[str, float]) -> float:
    return sum(share for feature, share in odd.items() if rule.features.fullmatch(feature))

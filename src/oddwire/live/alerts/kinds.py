"""What an alert looks like, from the features that set it apart: a table to read, not a classifier.

A kind is a name for what the explanation shows, so that people know where to look first. It is no
finding: the model knows only that the connection is unusual. Each line of `RULES` lists features
and what the connection must be for it; the line with the largest share of the explanation names the
kind, of equal ones the upper. The vague kinds of `FALLBACKS` name what no line explains by an
eighth; what they do not explain by a quarter is just unusual. A vague name gives way to what the
source does: one that is refused by host after host scans, whatever made this connection odd.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from oddwire.live.alerts.reason import Reason

# Of what makes it anomalous, in the features of a line. Little is enough for what says more: rare
# categories come first in many explanations, and say little of what is going on.
_ENOUGH, _ENOUGH_FOR_VAGUE = 0.125, 0.25
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
OF_ONE_TARGET = (Kind.FLOOD, Kind.BRUTE_FORCE)
# A host inside may be in someone else's hands already, who takes time.
OF_A_TAKEN_HOST = frozenset({Kind.BEACON, Kind.TUNNEL, Kind.EXFILTRATION, Kind.LATERAL_MOVEMENT})


@dataclass(frozen=True)
class Ends:
    """What a rule may ask of a connection; each is None where unknown.

    The last three are those of ten minutes: the hosts that its source called, the ports that it
    tried at this one, and the share of its connections that failed.
    """

    src_side: str | None = None
    dst_side: str | None = None
    dst_port: int | None = None
    proto: str | None = None
    service: str | None = None
    src_bytes: int | None = None
    dst_bytes: int | None = None
    failed: bool = False
    src_peers: float | None = None
    pair_ports: float | None = None
    src_failure_share: float | None = None


_LOGIN_PORTS = frozenset({21, 22, 23, 110, 143, 389, 1433, 3306, 3389, 5432, 5900, 5985, 5986})
_REMOTE_PORTS = frozenset({22, 135, 139, 445, 3389, 5900, 5985, 5986})
_CARRIERS = frozenset({"dns", "icmp"})
_DNS = 53
_FILE = 100_000  # bytes: a request is smaller
_INWARD = ("outside", "inside")
_SEVERAL = 3  # connections, hosts or ports: two hosts that ask a server at once are no flood
_MANY_HOSTS = 5  # as many refuse a program that was set up wrongly


def _login(ends: Ends) -> bool:
    return ends.dst_port in _LOGIN_PORTS


def _among_ourselves(ends: Ends) -> bool:
    inside = ends.src_side == ends.dst_side == "inside"
    return inside and ends.dst_port in _REMOTE_PORTS


def _carries(ends: Ends) -> bool:
    # Nobody tunnels inward: what comes from outside to our name server is its work, or a flood.
    if ends.src_side == "outside":
        return False
    return ends.dst_port == _DNS or ends.proto == "icmp" or ends.service in _CARRIERS


def _outward(ends: Ends) -> bool:
    return ends.dst_side == "outside"


def _sends(ends: Ends) -> bool:
    sent = ends.src_bytes or 0
    return _outward(ends) and sent >= _FILE and sent > (ends.dst_bytes or 0)


def _knocks(ends: Ends) -> bool:
    return ends.failed and ends.service is None and (ends.src_side, ends.dst_side) == _INWARD


def _scans(ends: Ends) -> bool:
    mostly = ends.failed and (ends.src_failure_share or 0.0) >= _MIDDLE
    return mostly and (
        (ends.src_peers or 0.0) >= _MANY_HOSTS or (ends.pair_ports or 0.0) >= _SEVERAL
    )


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
    least
        The smallest number that counts.
    """

    kind: Kind
    features: re.Pattern[str]
    where: Callable[[Ends], bool] = _any
    least: float = -math.inf


_W = r"_\d+s"  # a time window
_NEW = "new_dst_(connections|bytes|interval_evenness|size_evenness)"
RULES = (
    Rule(
        Kind.BRUTE_FORCE,
        re.compile(rf"(src|dst|pair)_(connections|failure_share){_W}|service"),
        _login,
    ),
    Rule(
        Kind.LATERAL_MOVEMENT,
        re.compile(rf"src_(peers|ports|connections|failure_share){_W}|service"),
        _among_ourselves,
    ),
    Rule(
        Kind.TUNNEL,
        re.compile(rf"{_NEW}|src_port_size_shift|dst_side|.*(connections|bytes){_W}|.*_per_packet"),
        _carries,
    ),
    Rule(Kind.EXFILTRATION, re.compile(rf"{_NEW}|.*(bytes|packets)({_W})?|src_.*_share"), _sends),
    # A file in small pieces, of which this is one.
    Rule(Kind.EXFILTRATION, re.compile("new_dst_bytes"), _outward, _FILE),
    Rule(
        Kind.BEACON,
        re.compile("new_dst_(connections|interval_evenness|size_evenness)|src_port_size_shift"),
        _outward,
    ),
    Rule(Kind.SCAN, re.compile(rf"src_(peers|connections){_W}|.*_ports{_W}"), least=_SEVERAL),
    # From outside at a port that is rarely tried: nobody there has any business with it.
    Rule(Kind.SCAN, re.compile(rf"dst_port_class|.*_ports{_W}"), _knocks),
    Rule(Kind.FLOOD, re.compile(rf"dst_(connections|peers){_W}"), least=_SEVERAL),
)
FALLBACKS = (
    Rule(Kind.NEW_SERVICE, re.compile("service|proto|dst_port_class|(src|dst)_side|conn_state")),
    Rule(
        Kind.ODD_VOLUME,
        re.compile(rf"duration|.*(bytes|packets|connections|peers|ports|per_.*|share)({_W})?"),
    ),
)


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
    >>> peers = Reason("src_peers_60s", 240.0, 3.0, 0.999, 0.0, 0.6)
    >>> kind_of([peers], Ends("inside", "inside", 23)).value
    'scan'
    >>> kind_of([], Ends()).value
    'unusual'
    """
    kind = _explained_kind([reason for reason in reasons if _is_high(reason)], ends)
    if kind in VAGUE and _scans(ends):
        return Kind.LATERAL_MOVEMENT if _among_ourselves(ends) else Kind.SCAN
    return kind


def _explained_kind(odd: list[Reason], ends: Ends) -> Kind:
    if not odd:
        return Kind.UNUSUAL
    for rules, enough in ((RULES, _ENOUGH), (FALLBACKS, _ENOUGH_FOR_VAGUE)):
        shares = [(_explained(rule, odd), rule.kind) for rule in rules if rule.where(ends)]
        share, best = max(shares, key=lambda pair: pair[0])  # of equal ones the first in the table
        if share >= enough:
            return best
    return Kind.UNUSUAL


def _is_high(reason: Reason) -> bool:
    return reason.benign_quantile is None or reason.benign_quantile >= _MIDDLE


def _explained(rule: Rule, odd: Iterable[Reason]) -> float:
    return sum(
        reason.share
        for reason in odd
        if rule.features.fullmatch(reason.feature) and _enough(reason.value, rule.least)
    )


def _enough(value: float | str | None, least: float) -> bool:
    return not isinstance(value, float) or value >= least

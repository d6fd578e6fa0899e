"""How urgent an alert or incident is: from how rare it is, how often it came, and its kind.

Sums of a few points that a person can follow, on the four levels that ECS rules and OCSF share.
"""

from __future__ import annotations

import math
from enum import IntEnum

from oddwire.live.alerts.kinds import OF_A_TAKEN_HOST, Kind

# A unit this rare gets a point for each: about one benign unit in 1,000, which is one a day in a
# small organisation, and one in 100,000.
_RARE = (1e-3, 1e-5)
_MANY = 20  # alerts
_RAREST = 12  # decades: no p-value is smaller than 1e-12
_BAND = 25.0  # of the risk score, for each level


class Severity(IntEnum):
    """The levels, the most urgent highest."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """The level as people read it."""
        return self.name.lower()


def severity_of(*, unit_p_value: float, count: int, kind: Kind) -> Severity:
    """Return how urgent alerts are.

    A point for a unit p-value of at most 1e-3, another for 1e-5, one for 20 alerts, and one for
    kinds that mean a host inside may be taken.

    Parameters
    ----------
    unit_p_value
        The smallest of them.
    count
        How many there are.
    kind
        What they look like.

    Examples
    --------
    >>> severity_of(unit_p_value=1e-2, count=1, kind=Kind.SCAN).word
    'low'
    >>> severity_of(unit_p_value=1e-4, count=40, kind=Kind.EXFILTRATION).word
    'critical'
    """
    points = (
        sum(unit_p_value <= rare for rare in _RARE) + (count >= _MANY) + (kind in OF_A_TAKEN_HOST)
    )
    return Severity(min(Severity.LOW + points, Severity.CRITICAL))


def risk_score(severity: Severity, unit_p_value: float) -> float:
    """Return a number from 0 to 100: the level's quarter, and within it the rarer the higher.

    Examples
    --------
    >>> risk_score(Severity.HIGH, 1e-6)
    62.5
    """
    decades = -math.log10(unit_p_value) / _RAREST
    return round(_BAND * (severity - 1 + min(max(decades, 0.0), 1.0)), 1)

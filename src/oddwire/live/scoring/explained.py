"""Which alerts are explained: explaining one costs as much as scoring some hundred rows.

The first alerts of a unit and of a destination in ten minutes say what a campaign is; the
thousandth port of a scan says nothing new. Those that the allow-list suppresses are not explained,
lest they take what the others need. What is chosen follows from the alerts and their clock alone,
so that it is the same however rows are cut, and in every replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

from oddwire.traffic.units.of_rows import minutes_in_microseconds

PER_UNIT, PER_DESTINATION = 8, 16
IN_ALL = 2000  # some seconds of work in ten minutes


class ExplainedAlerts:
    """Chooses the alerts that are explained, in the order in which they are known.

    Parameters
    ----------
    minutes
        How long a unit is.

    Examples
    --------
    >>> chosen = ExplainedAlerts(10)
    >>> [chosen.takes("10.0.0.5", f"10.0.9.{host}", 0) for host in range(10)].count(True)
    8
    """

    def __init__(self, minutes: float) -> None:
        self._length = minutes_in_microseconds(minutes)
        self._period: int | None = None
        self._units: Counter[str] = Counter()
        self._destinations: Counter[str] = Counter()
        self._all = 0

    def takes(self, unit: str | None, destination: str | None, clock: int) -> bool:
        """Return whether the next alert is explained."""
        if clock // self._length != self._period:
            self._period = clock // self._length
            self._units.clear()
            self._destinations.clear()
            self._all = 0
        named = (unit or "", destination or "")
        if (
            self._all >= IN_ALL
            or self._units[named[0]] >= PER_UNIT
            or self._destinations[named[1]] >= PER_DESTINATION
        ):
            return False
        self._all += 1
        self._units[named[0]] += 1
        self._destinations[named[1]] += 1
        return True

    def to_dict(self) -> dict[str, Any]:
        """Return what it knows as plain values, for JSON."""
        return {
            "period": self._period,
            "units": dict(self._units),
            "destinations": dict(self._destinations),
            "all": self._all,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], minutes: float) -> Self:
        """Make one that goes on from what `to_dict` returned."""
        chosen = cls(minutes)
        chosen._period, chosen._all = content["period"], content["all"]
        chosen._units = Counter(content["units"])
        chosen._destinations = Counter(content["destinations"])
        return chosen

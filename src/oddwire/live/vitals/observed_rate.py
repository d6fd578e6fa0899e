"""What alarms there were over the last day and week, against the target.

Kept are sums of each hour of the rows' clock, by who raised the alarms: of an hour 64 names, and
all others in 64 classes together. So it is bounded, however many sources an attacker makes up.
Counts are right whatever the names. Intervals are not quite: classes count as clusters, so one that
holds many sources makes an interval wider, and a source that is named in one hour and in a class in
another counts as two, which makes it narrower.

All alarms are counted, false or not: nobody says which are false. So a figure above the target may
be attacks; `calibration_off` tells when it is not.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.detection.calibration.adaptive import NEAR
from oddwire.detection.model import Model
from oddwire.errors import ModelError
from oddwire.evaluation.observed import (
    INCIDENTS,
    ROWS,
    UNITS,
    FalseAlarms,
    Observed,
    observe,
    target_of,
)
from oddwire.evaluation.uncertainty.clustered import ClusteredCount
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.wire_names import wire_name
from oddwire.live.vitals.heartbeat import Lately
from oddwire.traffic.units import source_column
from oddwire.traffic.units.so_far import UNTIMED, WorstSoFar

HOURS = {"day": 24, "week": 168}
_HOUR = 3_600_000_000  # microseconds
_DAY = 24 * _HOUR
_LARGEST_NEAR = 0.5  # of the benign units
_NAMES = _CLASSES = 64
NOBODY = "unknown"  # who raised it, where rows name none
_COUNTS = ("rows", "units", "alerts", "opened", "elapsed")


@dataclass
class Sums:
    """What an hour brought, or several together.

    Parameters
    ----------
    rows, units, alerts, opened
        Rows and units seen, alerts raised, incidents opened.
    elapsed
        Microseconds that rows came in; of a gap, an hour.
    hits
        Alarms in the target's unit, by who raised them.
    near
        Units that came near the threshold and not to it. Of one hour alone there may be fewer than
        none: such as came near it before, and to it in this hour.
    """

    rows: int = 0
    units: int = 0
    alerts: int = 0
    opened: int = 0
    elapsed: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    near: Counter[str] = field(default_factory=Counter)

    @property
    def days(self) -> float:
        """Days of traffic."""
        return self.elapsed / _DAY

    def plus(self, other: Sums) -> None:
        """Add another's."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.hits.update(other.hits)
        self.near.update(other.near)


class RatesSoFar:
    """Sums of what was scored lately.

    Parameters
    ----------
    model
        Which scores.
    """

    def __init__(self, model: Model) -> None:
        self._hours: dict[int, Sums] = {}
        self._clock = UNTIMED
        self._since = UNTIMED  # the hour from which on this model alone has scored
        self._set(model)

    def _set(self, model: Model) -> None:
        if (units := model.unit_calibration) is None:
            raise ModelError(
                "the model must be calibrated before alarms are compared with a target"
            )
        self.target = target_of(model.threshold_rule)
        self._threshold = model.threshold
        at = float(units.p_values([model.threshold])[0][0])
        self._near = units.worst.threshold(min(NEAR * at, _LARGEST_NEAR))
        near = float(units.p_values([self._near])[0][0])
        self._share_near = near - at
        self._units_a_day = len(units.worst.scores) / units.days if units.days else None
        self._calibration_units = len(units.worst.scores)
        self._calibration_alarms = int(model.threshold_rule.get("calibration_alarms", 0))

    def changed_to(self, model: Model) -> None:
        """Count for another model from now on: its calibration is judged by its own rows."""
        self._set(model)
        self._since = self._clock // _HOUR + 1 if self._clock != UNTIMED else UNTIMED

    def take(
        self,
        features: pd.DataFrame,
        so_far: WorstSoFar,
        alerts: NDArray[np.bool_],
        opened: Iterable[Incident] = (),
        *,
        thresholds: NDArray[np.float64] | None = None,
    ) -> None:
        """Count the next rows.

        Parameters
        ----------
        features
            The feature frame of n rows.
        so_far
            What `Carried.add` returned of them.
        alerts
            Whether they raise one, shape (n,).
        opened
            The incidents that they opened.
        thresholds
            By which they raise one, shape (n,), where the threshold follows drift.
        """
        limits = np.full(len(alerts), self._threshold) if thresholds is None else thresholds
        raised = alerts & (so_far.before < limits)
        timed = so_far.clock != UNTIMED
        hours = np.where(timed, so_far.clock // _HOUR, UNTIMED)
        column = source_column(features)
        names = None if column is None else features[column]
        before = np.concatenate([[self._clock], so_far.clock[:-1]])
        passed = np.where(before == UNTIMED, 0, np.minimum(so_far.clock - before, _HOUR))
        for hour in np.unique(hours[timed]).tolist():
            here = hours == hour
            sums = self._hours.setdefault(hour, Sums())
            rows = WorstSoFar(*(column[here] for column in so_far))
            mine = None if names is None else names[here]
            sums.rows += int(here.sum())
            sums.units += int(np.isneginf(rows.before).sum())
            sums.alerts += int(alerts[here].sum())
            sums.elapsed += int(passed[here].sum())
            self._count(sums, rows, mine, (raised if UNITS in self.target else alerts)[here])
        self._open(opened)
        if timed.any():
            self._clock = int(so_far.clock[-1])
            for hour in [one for one in self._hours if one <= self._clock // _HOUR - HOURS["week"]]:
                del self._hours[hour]

    def _count(self, sums: Sums, rows: WorstSoFar, names: Any, hits: NDArray[np.bool_]) -> None:
        is_near, was_near = (
            ((each >= self._near) & (each < self._threshold)).astype(np.int64)
            for each in (rows.worst, rows.before)
        )
        _add(sums.near, names, is_near - was_near)
        if UNITS in self.target or ROWS in self.target:
            _add(sums.hits, names, hits.astype(np.int64))

    def _open(self, opened: Iterable[Incident]) -> None:
        for incident in opened:
            sums = None if incident.opened is None else self._hours.get(incident.opened // _HOUR)
            if sums is not None:
                sums.opened += 1
                if UNITS not in self.target and ROWS not in self.target:
                    _one(sums.hits, incident.unit or NOBODY, 1)

    def over(self, hours: int, *, own: bool = False) -> Sums:
        """Return the sums of the last hours of the rows' clock.

        Parameters
        ----------
        hours
            How many, the current one included.
        own
            Whether only those count that the model as it is now has scored alone.
        """
        total, now = Sums(), self._clock // _HOUR
        for hour, sums in self._hours.items():
            if hour > now - hours and not (own and hour < self._since):
                total.plus(sums)
        return total

    def lately(self) -> dict[str, Lately | None]:
        """Return what was observed over the last day and week; None before the first hour."""
        return {name: self._lately(hours) for name, hours in HOURS.items()}

    def _lately(self, hours: int) -> Lately | None:
        sums = self.over(hours)
        found = self.observed(sums)
        if found is None or sums.elapsed < _HOUR:
            return None
        rate, name, per = found.rates[0], next(iter(self.target), INCIDENTS), self.per(sums)
        return Lately(
            name, rate.value / per, rate.low / per, rate.high / per, found.verdict, sums.days,
            sums.opened, sums.alerts,
        )  # fmt: skip

    def observed(self, sums: Sums, *, without: Iterable[str] = ()) -> Observed | None:
        """Compare alarms with what the target allows in as much traffic, both as counts.

        Parameters
        ----------
        sums
            Of `over`.
        without
            Sources that do not count.
        """
        per = self.per(sums)
        if not per:
            return None
        left_out = set(without)
        hits = [count for who, count in sums.hits.items() if who not in left_out]
        wanted = next(iter(self.target.values())) * per if self.target else None
        return _compared(hits, wanted, self._calibration_alarms)

    def observed_near(self, sums: Sums) -> Observed | None:
        """Compare the units near the threshold with those of the calibration, as counts."""
        days = self._units_a_day is not None and INCIDENTS in self.target
        seen = self._units_a_day * sums.days if days and self._units_a_day else float(sums.units)
        wanted = self._share_near * seen
        if wanted <= 0:
            return None
        found = round(self._share_near * self._calibration_units)
        near = list(sums.near.values()) if sums.near.total() > 0 else []
        return _compared(near, wanted, found)

    def per(self, sums: Sums) -> float:
        """Return what a count of alarms is divided by to be compared with the target."""
        if UNITS in self.target:
            return sums.units
        return sums.rows if ROWS in self.target else sums.days

    def to_dict(self) -> dict[str, Any]:
        """Return what goes on after a restart, for JSON."""
        hours = {
            str(hour): [
                *(getattr(sums, name) for name in _COUNTS),
                dict(sums.hits), dict(sums.near),
            ]
            for hour, sums in self._hours.items()
        }  # fmt: skip
        return {"hours": hours, "clock": self._clock, "since": self._since}

    def go_on(self, content: Mapping[str, Any]) -> None:
        """Go on from what `to_dict` returned."""
        self._hours = {
            int(hour): Sums(*values[: len(_COUNTS)], *map(Counter, values[len(_COUNTS) :]))
            for hour, values in content["hours"].items()
        }
        self._clock, self._since = content["clock"], content["since"]


def _compared(hits: list[int], wanted: float | None, calibration_alarms: int) -> Observed:
    """Compare a count by clusters with what is wanted of it."""
    counts = ClusteredCount(np.asarray(hits, dtype=np.float64))
    target = {} if wanted is None else {INCIDENTS: wanted}
    found = FalseAlarms(incidents=counts, units=None, rows=counts, days=1.0)
    calibration = None
    if calibration_alarms:
        # Nobody has kept the calibration's clusters: they are taken as uneven as these.
        events = float(counts.hits.sum())
        even = events**2 / float(counts.hits @ counts.hits) if events else calibration_alarms
        equal = max(min(round(even), calibration_alarms), 1)
        known = ClusteredCount(np.full(equal, calibration_alarms / equal))
        calibration = FalseAlarms(incidents=known, units=None, rows=known, days=1.0)
    return observe(found, target, calibration)


def _add(counts: Counter[str], names: Any, added: NDArray[np.int64]) -> None:
    """Count rows by their names, each as often as is told."""
    chosen = np.flatnonzero(added)
    if not len(chosen):
        return
    if names is None:
        counts[NOBODY] += int(added.sum())
        return
    by_name: Counter[str] = Counter()
    known = names.iloc[chosen].astype(object).fillna(NOBODY)
    for name, number in zip(known, added[chosen].tolist(), strict=True):
        by_name[str(name)] += number
    for name, count in by_name.items():
        _one(counts, name, count)


def _one(counts: Counter[str], name: str, count: int) -> None:
    if name not in counts and len(counts) < _NAMES:
        name = wire_name(name) or NOBODY
    elif name not in counts:
        digest = zlib.crc32(name.encode("utf-8", "surrogatepass"))
        name = f"\0{digest % _CLASSES}"  # no name of the wire has that letter
    counts[name] += count

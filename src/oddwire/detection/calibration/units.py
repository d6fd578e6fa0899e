"""What the scores of whole units say: their p-values, and how many incidents a threshold makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.tail import FloatArray
from oddwire.errors import ModelError
from oddwire.traffic.units import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from oddwire.detection.calibration.benign_alarms import BenignAlarms

MOST_INCIDENTS = 2**16  # kept of the calibration rows: those of the highest scores


@dataclass(frozen=True, eq=False)
class UnitCalibration:
    """Benign units by their worst rows, and the incidents of the calibration rows.

    A unit's p-value is that of its worst row among the worst rows of benign units, which are
    exchangeable with it (Bates, Candès, Lei, Romano & Sesia 2023). That of the worst row *so far*
    is no smaller, so it may be given while the unit goes on.

    Parameters
    ----------
    worst
        Of the units' worst scores.
    incidents_from
        Incidents of calibration rows: the score from which on a row raises an alert and the one
        above which it begins an incident, of shape (m, 2), the highest scores alone.
    days
        How many days of traffic the calibration rows stand for; None where that is not known.
    kind, minutes
        What a unit is, as of `oddwire.traffic.units.Units`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from oddwire.detection.calibration.benign_alarms import BenignAlarms
    >>> from oddwire.traffic.units import units_of
    >>> rows = pd.DataFrame({"unit": [f"10.0.0.{number // 2}" for number in range(198)]})
    >>> alarms = BenignAlarms.of(np.arange(198), units_of(rows))
    >>> units = UnitCalibration.fit(alarms, days=2)
    >>> p, extrapolated = units.p_values([0, 197])
    >>> p.round(3)
    array([1.  , 0.02])
    >>> units.incidents_per_day(194)
    1.0
    """

    worst: ConformalCalibration
    incidents_from: FloatArray
    days: float | None
    kind: str
    minutes: float

    @classmethod
    def fit(cls, alarms: BenignAlarms, *, days: float | None = None) -> UnitCalibration:
        """Calibrate on benign rows.

        Parameters
        ----------
        alarms
            Scores and units of the calibration rows.
        days
            How many days of traffic they stand for, above 0.

        Raises
        ------
        DataError, ModelError
            As by `ConformalCalibration.fit`.
        """
        found = alarms.by_incident
        pairs = np.column_stack([found.high, found.low])
        pairs = pairs[np.argsort(-found.high, kind="stable")[:MOST_INCIDENTS]]
        return cls(
            ConformalCalibration.fit(alarms.by_unit.high), pairs, days,
            alarms.units.kind, alarms.units.minutes,
        )  # fmt: skip

    def p_values(self, scores: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the p-values of units whose worst rows have these scores.

        As `ConformalCalibration.p_values`: the share of benign units that are at least as
        anomalous, and whether it is extrapolated.
        """
        return self.worst.p_values(scores)

    def incidents_per_day(self, threshold: float) -> float | None:
        """Return how many incidents a day the calibration rows make at a threshold.

        None where the days are not known. Below the lowest score that is kept, no fewer than at
        that.
        """
        if self.days is None:
            return None
        high, low = self.incidents_from.T
        at = max(threshold, high[-1]) if len(high) == MOST_INCIDENTS else threshold
        return float(np.count_nonzero((low < at) & (at <= high)) / self.days)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; the arrays are saved beside it."""
        return {
            "worst": self.worst.to_dict(), "incidents": len(self.incidents_from),
            "days": self.days, "kind": self.kind, "minutes": self.minutes,
        }  # fmt: skip

    @classmethod
    def from_dict(
        cls, content: Mapping[str, Any], worst: FloatArray, incidents_from: FloatArray
    ) -> UnitCalibration:
        """Restore what `to_dict` and the arrays hold.

        Raises
        ------
        ModelError
            If they do not belong together.
        """
        if incidents_from.shape != (content["incidents"], 2):
            raise ModelError(f"a model's incidents must be {content['incidents']} pairs of scores")
        high, low = incidents_from.T
        if not (np.isfinite(high).all() and (low < high).all() and (np.diff(high) <= 0).all()):
            raise ModelError("a model's incidents must fall from the highest score on")
        days = None if content["days"] is None else float(content["days"])
        minutes, kind = float(content["minutes"]), str(content["kind"])
        lengths = (minutes,) if days is None else (minutes, days)
        if kind not in get_args(Kind) or not all(0 < each < np.inf for each in lengths):
            raise ModelError(
                "a model's units must be of a known kind, their minutes and days above 0, got "
                f"{kind!r:.40}, {minutes} minutes and {days} days"
            )
        found = ConformalCalibration.from_dict(content["worst"], worst)
        return cls(found, incidents_from, days, kind, minutes)

"""What the scores of whole units say: their p-values."""

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


@dataclass(frozen=True, eq=False)
class UnitCalibration:
    """Benign units by their worst rows.

    A unit's p-value is that of its worst row among the worst rows of benign units, which are
    exchangeable with it (Bates, Candès, Lei, Romano & Sesia 2023). That of the worst row *so far*
    is no smaller, so it may be given while the unit goes on.

    Parameters
    ----------
    worst
        Of the units' worst scores.
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
    """

    worst: ConformalCalibration
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
        worst = ConformalCalibration.fit(alarms.by_unit.high)
        return cls(worst, days, alarms.units.kind, alarms.units.minutes)

    def p_values(self, scores: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the p-values of units whose worst rows have these scores.

        As `ConformalCalibration.p_values`: the share of benign units that are at least as
        anomalous, and whether it is extrapolated.
        """
        return self.worst.p_values(scores)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; the scores are saved beside it as an array."""
        return {
            "worst": self.worst.to_dict(), "days": self.days, "kind": self.kind,
            "minutes": self.minutes,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], worst: FloatArray) -> UnitCalibration:
        """Restore what `to_dict` and the worst scores hold.

        Raises
        ------
        ModelError
            If they do not belong together.
        """
        days = None if content["days"] is None else float(content["days"])
        minutes, kind = float(content["minutes"]), str(content["kind"])
        lengths = (minutes,) if days is None else (minutes, days)
        if kind not in get_args(Kind) or not all(0 < each < np.inf for each in lengths):
            raise ModelError(
                "a model's units must be of a known kind, their minutes and days above 0, got "
                f"{kind!r:.40}, {minutes} minutes and {days} days"
            )
        return cls(ConformalCalibration.from_dict(content["worst"], worst), days, kind, minutes)

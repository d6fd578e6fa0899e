"""A threshold that keeps a target of false alarms, by held-out benign rows alone.

Counting keeps the target for benign traffic like the calibration rows, on average over calibration
sets: see `oddwire.detection.calibration.benign_alarms`. ``tail`` smooths the few largest
calibration scores by a generalised-Pareto distribution, and so scatters less where only a handful
of them lie beyond the threshold (Siffer, Fouque, Termier & Largouet 2017); it keeps a share as far
as that distribution holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from oddwire.detection.calibration.tail import tail_quantile
from oddwire.detection.calibration.thresholds.chosen import ChosenThreshold, Shortfall

if TYPE_CHECKING:
    from oddwire.detection.calibration.benign_alarms import Alarms, BenignAlarms
    from oddwire.detection.calibration.conformal import ConformalCalibration
    from oddwire.detection.calibration.thresholds.targets import Target

# Of rows that may raise an alert, whatever the incidents per day: in a quiet source 30 a day could
# be all that there is.
LARGEST_SHARE_OF_ROWS = 0.1
_ROUNDING = 1e-9
_COUNTED = {
    "false_incidents_per_day": "days", "share_of_units": "units", "share_of_rows": "rows",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What the calibration rows showed.

    Parameters
    ----------
    rows
        Of the rows' scores.
    alarms
        The same scores by their units and sources.
    days
        How many days of traffic they stand for; None where that is not known.
    days_before_test
        How many all rows before the test part stand for.
    """

    rows: ConformalCalibration
    alarms: BenignAlarms
    days: float | None = None
    days_before_test: float | None = None

    def counted_by(self, target: Target) -> Alarms:
        """Return the alarms that a target counts."""
        if target.name == "false_incidents_per_day":
            return self.alarms.by_incident
        return self.alarms.by_unit if target.name == "share_of_units" else self.alarms.by_row

    def exposure(self, target: Target) -> float:
        """Return what a target is multiplied by to get the alarms allowed."""
        if target.name == "false_incidents_per_day":
            return self.days or 0.0
        return len(self.counted_by(target).high) + 1

    def p_value_at(self, threshold: float) -> float:
        """Return the p-value that exactly the rows from a threshold on have, or fewer; below 1."""
        n = self.rows.scores.size
        at_least = n - int(np.searchsorted(self.rows.scores, threshold))
        return (1 + min(at_least, n - 1)) / (n + 1)


def by_target(calibrated: Calibrated, target: Target) -> ChosenThreshold:
    """Set the threshold by counting the false alarms of calibration rows.

    Parameters
    ----------
    calibrated
        What the calibration rows showed; with ``days``, where incidents per day are asked for.
    target
        Of false alarms. Where the rows are too few to show so small a share of units or so few
        incidents, the threshold is just above the highest calibration score; of rows, a tail goes
        on from there.
    """
    allowed = target.value * calibrated.exposure(target)
    supported = allowed >= 1 - _ROUNDING
    rows_alone = target.name == "share_of_rows"
    inputs: dict[str, float | int | str] = {}
    if rows_alone:
        p_value = target.value
    elif not supported:
        p_value = calibrated.p_value_at(math.inf)
    else:
        found = calibrated.alarms.threshold(calibrated.counted_by(target), allowed)
        p_value = calibrated.p_value_at(found.threshold)
        if found.not_counted:
            inputs["alarms_not_counted"] = found.not_counted
    if target.name == "false_incidents_per_day" and p_value > LARGEST_SHARE_OF_ROWS:
        p_value = LARGEST_SHARE_OF_ROWS
        inputs = {"limited_to_share_of_rows": p_value}  # with fewer alarms than are allowed
    shortfall = None if supported else _shortfall(calibrated, target)
    return _chosen("target", calibrated, target, p_value, inputs, shortfall)


def by_tail(calibrated: Calibrated, target: Target) -> ChosenThreshold:
    """Set the threshold where a generalised-Pareto tail has the target (peaks over threshold).

    Parameters
    ----------
    calibrated
        What the calibration rows showed.
    target
        A share of units or of rows. Where the tail does not reach down to it, none can be fitted,
        or the calibration rows cannot show it, counting decides as in `by_target`. ``inputs`` say
        which did.
    """
    counted = by_target(calibrated, target)
    scores = np.sort(calibrated.counted_by(target).high)
    found = None if counted.shortfall else tail_quantile(scores, target.value)
    if found is None:
        by = "extrapolation" if counted.shortfall and counted.shortfall.extrapolated else "counting"
        inputs = {**counted.inputs, "estimated_by": by}
        return ChosenThreshold(
            "tail", counted.alert_p_value, target, inputs, counted.shortfall, counted.noisiest
        )
    score, rows = found
    n = calibrated.rows.scores.size
    at_least = n - int(np.searchsorted(calibrated.rows.scores, score))
    # P-values go in steps between calibration scores; the step above the score keeps the target.
    p_value = at_least / (n + 1) if at_least else float(calibrated.rows.p_values([score])[0][0])
    return _chosen(
        "tail", calibrated, target, p_value, {"estimated_by": "tail", "tail_scores": rows}, None
    )


def _chosen(
    rule: str,
    calibrated: Calibrated,
    target: Target,
    p_value: float,
    inputs: dict[str, float | int | str],
    shortfall: Shortfall | None,
) -> ChosenThreshold:
    """Put a threshold beside the false alarms of the calibration rows at it."""
    threshold = calibrated.rows.threshold(p_value)
    alarms, units = calibrated.counted_by(target), calibrated.alarms.units
    about: dict[str, float | int | str] = {
        "unit": units.kind,
        "unit_minutes": units.minutes,
        "calibration_units": len(calibrated.alarms.by_unit.high),
        "calibration_alarms": len(alarms.at(threshold)),
    }
    if calibrated.days is not None:
        about["calibration_days"] = calibrated.days
    return ChosenThreshold(
        rule, p_value, target, about | inputs, shortfall,
        calibrated.alarms.noisiest(alarms, threshold),
    )  # fmt: skip


def _shortfall(calibrated: Calibrated, target: Target) -> Shortfall:
    exposure, of = calibrated.exposure(target), _COUNTED[target.name]
    in_days = of == "days"
    has = exposure if in_days else exposure - 1
    needed = 1 / target.value if in_days else math.ceil(1 / target.value - _ROUNDING) - 1
    before = calibrated.days_before_test
    return Shortfall(
        promised=1 / exposure if exposure else math.inf, has=has, needed=needed, of=of,
        extrapolated=of == "rows" and calibrated.rows.tail is not None,
        days_before_test=before and before * needed / has,
    )  # fmt: skip

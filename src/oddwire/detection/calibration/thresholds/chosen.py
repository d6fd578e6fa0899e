"""The outcome of a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oddwire.detection.calibration.benign_alarms import NoisySource
from oddwire.detection.calibration.thresholds.targets import Target

THRESHOLD = "threshold"  # in a model's metadata: the rule and what it was made of


@dataclass(frozen=True)
class Shortfall:
    """What calibration rows cannot support, and what is promised instead.

    Parameters
    ----------
    promised
        The fewest false alarms that they can show, in the unit of the target.
    has, needed
        Calibration units, rows or days that there are, and that the target would take.
    of
        What those are: ``units``, ``rows`` or ``days``.
    extrapolated
        Whether the threshold is still that of the target, by a tail fitted to the scores.
    days_before_test
        Days of traffic before the test part that would bring as much; None where not known.
    """

    promised: float
    has: float
    needed: float
    of: str
    extrapolated: bool = False
    days_before_test: float | None = None


@dataclass(frozen=True)
class ChosenThreshold:
    """The outcome of a rule, which a model keeps.

    Parameters
    ----------
    rule
        A value of ``alerts.rule``.
    alert_p_value
        P-value at or below which a connection is an alert.
    target
        What was asked for; None where the rule has no target.
    inputs
        What else the rule was given or found, as JSON can hold it.
    shortfall
        Why the target cannot be promised; None where it can.
    noisiest
        The benign sources with the most false alarms among the calibration rows, a few at most.
    """

    rule: str
    alert_p_value: float
    target: Target | None
    inputs: Mapping[str, float | int | str]
    shortfall: Shortfall | None = None
    noisiest: tuple[NoisySource, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        target = self.target
        by_rows = target is not None and target.name == "share_of_rows"
        return {
            "rule": self.rule, "alert_p_value": self.alert_p_value,
            "target": target and target.to_dict(),
            "target_fpr": target.value if by_rows and target is not None else None,
            **self.inputs,
            "shortfall": self.shortfall and vars(self.shortfall),
            "noisiest": [vars(each) for each in self.noisiest],
        }  # fmt: skip

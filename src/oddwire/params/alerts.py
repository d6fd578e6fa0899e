"""``alerts:``, how the threshold is set."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from oddwire.params.base import Fraction, Settings

ThresholdRule = Literal["target", "tail", "best_f1", "precision"]

# What replaces a key or a rule that there was before, for whoever still has it.
_REPLACED_KEYS = {
    "target_fpr": "target: {{share_of_rows: {got}}}",
    "alerts_per_day": "target: {{false_incidents_per_day: {got}}}",
}
_REPLACED_RULES = ("fpr", "alerts_per_day")

# Far beyond what any traffic can show, and far from where float64 ends.
_RAREST, _MOST = 1e-9, 1e9


class TargetSettings(Settings):
    """How many false alarms there may be: one of three.

    Parameters
    ----------
    false_incidents_per_day
        Incidents of benign connections on a day of average traffic; needs times.
    share_of_units
        Share of the benign units (a source in ten minutes) that may raise an alert.
    share_of_rows
        Share of the benign connections that may raise an alert.
    """

    false_incidents_per_day: float | None = Field(None, ge=_RAREST, le=_MOST)
    share_of_units: Fraction | None = Field(None, ge=_RAREST)
    share_of_rows: Fraction | None = Field(None, ge=_RAREST)

    @model_validator(mode="after")
    def _check_that_it_is_one(self) -> Self:
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "target",
                "must have exactly one of false_incidents_per_day, share_of_units and "
                "share_of_rows",
                {"got": ", ".join(given) or None},
            )
        return self


class AlertSettings(Settings):
    """How the threshold is set; `detection.calibration` says how.

    Parameters
    ----------
    rule
        ``target`` and ``tail`` keep a target, and need benign rows alone; ``best_f1`` and
        ``precision`` have none, and need attacks in validation.
    target
        Of ``target`` and ``tail``. None takes the default of what the rows are:
        see `detection.calibration.thresholds.targets.target_of`.
    unit_minutes
        How long a unit is, and from which gap on alerts of a source are two incidents.
    min_precision
        Of ``precision``: share of the alerts that must be attacks.
    attack_share
        Of ``best_f1`` and ``precision``: share of attacks to expect in traffic. None takes
        validation's own, where all attacks before the test lie: far more than traffic brings.
    """

    rule: ThresholdRule = "target"
    target: TargetSettings | None = None
    unit_minutes: float = Field(10.0, ge=0.1, le=24 * 60)
    min_precision: Fraction = 0.9
    attack_share: Fraction | None = None

    @model_validator(mode="before")
    @classmethod
    def _say_what_replaced_a_key(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        for key, instead in _REPLACED_KEYS.items():
            if key in content:
                raise _replaced(key, content[key], instead.format(got=f"{content[key]!s:.20}"))
        rule = content.get("rule")
        if isinstance(rule, str) and rule in _REPLACED_RULES:
            raise _replaced("rule", rule, "rule: target")
        return content

    @model_validator(mode="after")
    def _check_what_a_tail_can_keep(self) -> Self:
        target = self.target
        if self.rule == "tail" and target is not None and target.false_incidents_per_day:
            raise PydanticCustomError(
                "tail",
                "rule tail estimates shares: give target share_of_units or share_of_rows",
                {"got": "false_incidents_per_day"},
            )
        return self


def _replaced(key: str, got: Any, instead: str) -> PydanticCustomError:
    return PydanticCustomError(
        "replaced",
        "was replaced: write `{instead}`",
        {"below": key, "got": got, "instead": instead},
    )

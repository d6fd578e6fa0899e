"""``alerts:``, from what the threshold follows."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from oddwire.params.base import Fraction, Settings

ThresholdRule = Literal["fpr", "alerts_per_day", "tail", "best_f1", "precision"]


class AlertSettings(Settings):
    """From what the threshold follows; how each rule works stands in ``detection/thresholds.py``.

    Without ``rule`` it is ``alerts_per_day`` where that is given, otherwise ``fpr``.

    Parameters
    ----------
    rule
        ``fpr``, ``alerts_per_day`` and ``tail`` need benign rows alone; ``best_f1`` and
        ``precision`` need attacks in validation.
    target_fpr
        Of ``fpr``: share of benign connections that may raise an alert.
    alerts_per_day
        Of ``alerts_per_day``: false alarms that people can look at.
    risk
        Of ``tail``: probability that a benign connection raises an alert.
    min_precision
        Of ``precision``: share of the alerts that must be attacks.
    attack_share
        Of ``best_f1`` and ``precision``: share of attacks to expect in traffic. None takes
        validation's own, where all attacks before the test lie: far more than traffic brings.
    benign_shift
        Of the rules that need benign rows alone: how far benign traffic may move, as a chi-square
        divergence, without the rate being broken; 0 expects it as it was.
    """

    rule: ThresholdRule = "fpr"
    target_fpr: Fraction = 0.01
    alerts_per_day: float | None = Field(None, gt=0)
    risk: Fraction = 0.001
    min_precision: Fraction = 0.9
    attack_share: Fraction | None = None
    benign_shift: float = Field(0.0, ge=0, le=100)

    @model_validator(mode="before")
    @classmethod
    def _take_a_budget_for_the_rule(cls, content: Any) -> Any:
        if isinstance(content, dict) and "rule" not in content:
            budget = content.get("alerts_per_day") is not None
            return {**content, "rule": "alerts_per_day" if budget else "fpr"}
        return content

    @model_validator(mode="after")
    def _check_the_budget(self) -> Self:
        if (self.rule == "alerts_per_day") != (self.alerts_per_day is not None):
            raise PydanticCustomError(
                "budget",
                "alerts_per_day must be given with the rule alerts_per_day, and with no other",
            )
        return self

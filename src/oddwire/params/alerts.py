"""``alerts:``, how the threshold is set."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from oddwire.params.base import Fraction, Settings

ThresholdRule = Literal["fpr", "alerts_per_day", "tail", "best_f1", "precision"]


class AlertSettings(Settings):
    """How the threshold is set; `detection.calibration.thresholds` says how each rule works.

    Without ``rule`` it is ``alerts_per_day`` where that is given, otherwise ``fpr``.

    Parameters
    ----------
    rule
        ``fpr``, ``alerts_per_day`` and ``tail`` need benign rows alone; ``best_f1`` and
        ``precision`` need attacks in validation.
    target_fpr
        Of ``fpr`` and ``tail``: share of benign connections that may raise an alert. Supervised
        baselines take it too where the rule has no target.
    alerts_per_day
        Of ``alerts_per_day``: false alarms that people can look at.
    min_precision
        Of ``precision``: share of the alerts that must be attacks.
    attack_share
        Of ``best_f1`` and ``precision``: share of attacks to expect in traffic. None takes
        validation's own, where all attacks before the test lie: far more than traffic brings.
    """

    rule: ThresholdRule = "fpr"
    target_fpr: Fraction = 0.01
    alerts_per_day: float | None = Field(None, gt=0)
    min_precision: Fraction = 0.9
    attack_share: Fraction | None = None

    @model_validator(mode="before")
    @classmethod
    def _default_rule(cls, content: Any) -> Any:
        if isinstance(content, dict) and "rule" not in content:
            per_day = content.get("alerts_per_day") is not None
            return {**content, "rule": "alerts_per_day" if per_day else "fpr"}
        return content

    @model_validator(mode="after")
    def _check_alerts_per_day(self) -> Self:
        if (self.rule == "alerts_per_day") != (self.alerts_per_day is not None):
            raise PydanticCustomError(
                "alerts_per_day",
                "alerts_per_day must be given with the rule alerts_per_day, and with no other",
                {"got": self.rule},
            )
        return self

"""``promotion:``, what a challenger must show."""

from __future__ import annotations

from pydantic import Field

from oddwire.params.base import Fraction, Settings


class PromotionSettings(Settings):
    """What a challenger must show before it becomes champion."""

    confidence: Fraction = 0.95
    resamples: int = Field(200, ge=50, le=100_000)
    max_family_loss: Fraction = 0.1
    max_false_positive_rate: Fraction = 0.2
    max_milliseconds_per_row: float = Field(1.0, gt=0)
    max_megabytes: float = Field(200, gt=0)

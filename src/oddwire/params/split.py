"""``split:``, how rows become parts."""

from __future__ import annotations

from typing import Literal

from oddwire.params.base import Fraction, Settings


class SplitSettings(Settings):
    """How rows become training, calibration, validation and test."""

    train_on: Literal["benign", "all"] = "benign"
    calibration: Fraction = 0.2
    validation: Fraction = 0.2
    test: Fraction = 0.25

"""``split:`` and ``explore:``, what the data stages do with a source's rows."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from oddwire.params.base import Fraction, Settings


class SplitSettings(Settings):
    """How rows become training, calibration, validation and test.

    Parameters
    ----------
    train_on, calibration, validation, test
        What to train on, and the shares of the parts.
    max_rows
        Rows in all parts together. Of more, whole stretches of time are left out of every part
        alike, drawn by the seed: it bounds the memory and the time of a training.
    """

    train_on: Literal["benign", "all"] = "benign"
    calibration: Fraction = 0.2
    validation: Fraction = 0.2
    test: Fraction = 0.25
    max_rows: int = Field(1_000_000, ge=1_000, le=100_000_000_000)

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> Self:
        if self.calibration + self.validation >= 1:
            raise PydanticCustomError(
                "shares", "calibration and validation must add up to less than 1",
                {"got": (self.calibration, self.validation)},
            )  # fmt: skip
        return self


class ExploreSettings(Settings):
    """How much of a source its statistics and pictures look at."""

    max_rows: int = Field(20_000, ge=100, le=10_000_000)

"""How a whole column writes its times, so that a batch of it is not read otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.params.values.time_formats import TIME_UNITS, TimeUnit
from oddwire.traffic.sources.times import epochs, texts


@dataclass(frozen=True)
class TimeForm:
    """How a column writes its times.

    Parameters
    ----------
    unit
        What its numbers count; None where it has texts, or where nothing tells.
    numeric
        Whether it has numbers.
    format
        The source's ``time_format``; None where it says nothing, and the values have to tell.
    has_key
        Whether a source has that key, which a message may then name.
    """

    unit: TimeUnit | None = None
    numeric: bool = False
    format: str | None = None
    has_key: bool = True

    @classmethod
    def said(cls, format_: str) -> TimeForm:
        """Return the form that a source names."""
        if format_ in TIME_UNITS:
            return cls(format_, numeric=True, format=format_)
        return cls(format=format_)

    @classmethod
    def of_numbers(cls, values: NDArray[np.float64]) -> TimeForm:
        """Return the form of a column of numbers by all of them."""
        return cls(epochs.unit_of(values), numeric=True)

    def from_numbers(self, values: NDArray[Any]) -> pd.Series[Any]:
        """Return times, NaT for a number that is none."""
        if self.unit is None:
            nothing = pd.Series(pd.NaT, index=range(len(values)))
            return pd.to_datetime(nothing, utc=True)
        moments = epochs.from_numbers(values, self.unit)
        return moments if self.format else moments.where(epochs.is_plausible(moments))

    def from_texts(self, given: pd.Series[Any]) -> pd.Series[Any]:
        """Return times, NaT for a text that is none; None is missing."""
        different = [*given.dropna().unique()]
        if self.format is None:
            moments = texts.read_iso(different)
        else:
            moments = texts.read_format(different, self.format)
        found = dict(zip(different, moments, strict=True))
        return pd.Series(pd.to_datetime(given.map(found), utc=True))

    def number_rule(self, value: float) -> str:
        """Say what is wrong with a number that is no time, and what to do."""
        if self.format:
            return f"is too large for `time_format: {self.format}`"
        if not self.has_key:
            return (
                f"is no time since 1970 that gives a year from {epochs.YEARS}: write times as"
                " ISO 8601"
            )
        if self.unit is None:
            return (
                "is no time: no seconds, milliseconds, microseconds or nanoseconds since 1970 that"
                f" give a year from {epochs.YEARS}; {epochs.refusal(value)}"
            )
        return (
            f"is no time from {epochs.YEARS} in {epochs.in_words(self.unit)}, which the column"
            f" counts; {epochs.refusal(value)}"
        )

    def text_rule(self, text: str, column: pd.Series[Any]) -> str:
        """Say what is wrong with a text that is no time, and what to do."""
        if self.format:
            return f'is no time by `time_format: "{self.format:.80}"`'
        if not self.has_key:
            return "is no time: write times as ISO 8601, or as seconds since 1970"
        why = texts.refusal(text, [*column.dropna().unique()])
        return f"is no time in ISO 8601 or since 1970; {why}"

"""Times that are numbers: since 1970 in four units, days of Excel, Windows' FILETIME.

A number says nothing of its unit. Without a word of the user's, one counts as a time since 1970
where that gives a year from 1995 to 2059, which no two of the units do for the same number; nor
does any other way to write a time of these years, but for digits of a date with its hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.params.values.time_formats import TimeUnit

Numbers = NDArray[Any]
SINCE, UNTIL = 788_918_400, 2_840_140_800  # 1995 and 2060, in seconds since 1970
YEARS = "1995 to 2059"
_MOST_EXACT = 2.0**53  # as whole numbers in a float; in microseconds the year 2255
_FIRST_HOUR = 2_015_010_100  # digits of dates and hours that are worth a question: of 2015 on
_MS, _DAY = 1_000, 86_400_000_000  # microseconds


@dataclass(frozen=True)
class _Unit:
    """A unit: so many microseconds of it are one of `per`, counted from a beginning before 1970."""

    words: str
    microseconds: int
    per: int = 1
    begins: int = 0  # microseconds from 1970, below zero before
    rounded_to: int = 1


_UNITS: dict[TimeUnit, _Unit] = {
    "s": _Unit("seconds since 1970", 1_000_000),
    "ms": _Unit("milliseconds since 1970", 1_000),
    "us": _Unit("microseconds since 1970", 1),
    "ns": _Unit("nanoseconds since 1970", 1, per=1_000),
    # Days with their fraction, which hold a millisecond well and a microsecond not quite.
    "excel": _Unit("days since 1900, as Excel counts", _DAY, begins=-25_569 * _DAY, rounded_to=_MS),
    "filetime": _Unit("FILETIME", 1, per=10, begins=-11_644_473_600_000_000),
}
_SINCE_1970: tuple[TimeUnit, ...] = ("s", "ms", "us", "ns")


def in_words(unit: TimeUnit) -> str:
    """Say what a unit is."""
    return _UNITS[unit].words


def from_numbers(values: Numbers, unit: TimeUnit) -> pd.Series[Any]:
    """Return times in microseconds, NaT where missing or beyond what can be counted.

    Parameters
    ----------
    values
        int64 or float64. Whole numbers are exact; a float holds 16 digits.
    """
    known = _UNITS[unit]
    counted: Any
    if values.dtype.kind == "i":
        counted = pd.Series(values // known.per).astype("Int64")
        sound = counted.abs() < 2**62 // known.microseconds
        counted = counted.where(sound) * known.microseconds
    else:
        # Beyond a million times that not even the days are right.
        step = known.rounded_to
        floats = np.asarray(values, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            counted_floats = np.round(floats * (known.microseconds / known.per / step)) * step
        series = pd.Series(counted_floats)
        counted = series.where(series.abs() < 2 * _MOST_EXACT).astype("Int64")
    moments = counted + known.begins
    sound = moments.abs() < _MOST_EXACT
    return pd.Series(pd.to_datetime(moments.where(sound), unit="us", utc=True))


def unit_of(values: Numbers) -> TimeUnit | None:
    """Return the unit since 1970 of a whole column, by its middle number; None for none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "s"
    size = float(np.median(finite))
    for unit in _SINCE_1970:
        if _plausible(size, unit):
            return None if unit == "s" and _are_hours(finite) else unit
    return None


def of_these_decades(values: Numbers) -> pd.Series[Any]:
    """Return times since 1970, each in the unit that gives one of these decades; NaT for none."""
    finite = values[np.isfinite(values)]
    found = pd.Series(pd.to_datetime(pd.Series(pd.NaT, index=range(len(values))), utc=True))
    if finite.size and _are_hours(finite):
        return found
    for unit in _SINCE_1970:
        moments = from_numbers(values, unit)
        found = found.fillna(moments.where(is_plausible(moments)))
        if found.notna().all():
            break
    return found


def _plausible(value: float, unit: TimeUnit) -> bool:
    known = _UNITS[unit]
    seconds = (value * known.microseconds / known.per + known.begins) / 1_000_000
    return SINCE <= seconds < UNTIL


def is_plausible(moments: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return which times are of the years in which a number is taken for one."""
    lowest, highest = (pd.Timestamp(each, unit="s", tz="UTC") for each in (SINCE, UNTIL))
    return ((moments >= lowest) & (moments < highest)).to_numpy()


def _are_hours(values: Numbers) -> bool:
    """Return whether all numbers are digits of a date and an hour, such as 2024061013.

    As seconds since 1970 they would be of the years from 2034 on.
    """
    if values.min() < _FIRST_HOUR or (values != np.round(values)).any():
        return False
    whole = pd.Series(np.unique(values)).astype("int64").astype(str)
    return bool(pd.to_datetime(whole, format="%Y%m%d%H", errors="coerce").notna().all())


def refusal(value: float) -> str:
    """Say what a number is that is no time since 1970, and how it can be read.

    Examples
    --------
    >>> refusal(45453.5)
    'days since 1900, as Excel counts (2024-06-10)? `time_format: excel` reads them'
    """
    for format_, least in _DIGITS.items():
        if value == np.round(value) and (day := _read(value, format_, least)) is not None:
            return f'a date in digits ({day})? `time_format: "{format_}"` reads it'
    for unit in ("excel", "filetime"):
        if _plausible(value, unit):
            day = from_numbers(np.array([value]), unit)[0].date()
            return f"{_UNITS[unit].words} ({day})? `time_format: {unit}` reads them"
    for words, begins, per_second in _OTHERS:
        if SINCE <= value / per_second - begins < UNTIL:
            return f"{words}? write them as ISO 8601"
    return (
        "`time_format: s` (ms, us, ns) reads it as since 1970 all the same, such as times that"
        " count from the start of a capture"
    )


# Digits of dates, and how many there are.
_DIGITS = {
    "%Y%m%d": 8, "%d%m%Y": 8, "%Y%m%d%H": 10, "%Y%m%d%H%M": 12, "%Y%m%d%H%M%S": 14,
}  # fmt: skip
_YEAR_1, _YEAR_1601, _YEAR_1900 = 62_135_596_800, 11_644_473_600, 2_208_988_800
_OTHERS = (
    ("ticks of .NET, since the year 1", _YEAR_1, 1e7),
    ("microseconds since 1601, as WebKit counts", _YEAR_1601, 1e6),
    ("seconds since 1900, as NTP counts", _YEAR_1900, 1.0),
)


def _read(value: float, format_: str, digits: int) -> str | None:
    text = f"{value:.0f}"
    if len(text) != digits:
        return None
    moment = pd.to_datetime(text, format=format_, errors="coerce", utc=True)
    if pd.isna(moment) or not SINCE <= moment.timestamp() < UNTIL:
        return None
    return str(moment.date())

"""Times and sizes as the page writes them."""

from __future__ import annotations

import datetime as dt

from oddwire.live.alerts.formats.feature_words import size as size_in_words
from oddwire.live.alerts.words import UNKNOWN, moment

LONGEST = 160  # letters of a text from the wire in a cell; `/api` has all of it
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def until(last: int | None, first: int | None) -> str:
    """Return the end of a time, without its day where that is the first's.

    Examples
    --------
    >>> until(1_772_452_805_000_000, 1_772_452_800_000_000)
    '12:00:05'
    """
    day, _, hour = moment(last).rpartition(" ")
    return hour if day and moment(first).startswith(f"{day} ") else moment(last)


def local(seconds: float | None) -> str:
    """Return a time as a form's field takes it; empty for none."""
    if seconds is None:
        return ""
    return f"{_EPOCH + dt.timedelta(seconds=seconds):%Y-%m-%dT%H:%M}"


def size(number: int | None) -> str:
    """Return bytes in the unit in which they are read best."""
    return UNKNOWN if number is None else size_in_words(number)

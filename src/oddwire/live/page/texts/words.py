"""Times, numbers and features as the page writes them."""

from __future__ import annotations

import datetime as dt

from oddwire.live.alerts.formats.feature_words import size as size_in_words
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.words import UNKNOWN, moment
from oddwire.percent import percent

LONGEST = 160  # letters of a text from the wire in a cell; `/api` has all of it
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MIDDLE = 0.5


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


def against_benign(reason: Reason) -> str:
    """Return where a feature's value lies among those of benign rows.

    Examples
    --------
    >>> against_benign(Reason("src_peers_60s", 240.0, 3.0, 0.999, 0.0, 0.6))
    'above 99.9 % of benign rows'
    >>> against_benign(Reason("service", "ssh", "https", None, 0.02, 0.2))
    '2 % of benign rows have it'
    """
    quantile = reason.benign_quantile
    if quantile is None:
        if reason.benign_share <= 0:
            return "no benign row has it"
        return f"{percent(reason.benign_share)} of benign rows have it"
    if quantile >= _MIDDLE:
        return f"above {percent(quantile, 4)} of benign rows"
    return f"below {percent(1 - quantile, 4)} of benign rows"

"""Times that are texts: ISO 8601, or as the source says; what else a text could be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from oddwire.traffic.sources.times.epochs import is_plausible

Texts = Sequence[str]
# The whole date, at the least: 2024 or 2024-06 may be anything.
_DATE = r"(\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{8})"
_CLOCK = r"(\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?|\d{2}|\d{4}|\d{6}([.,]\d+)?)"
_ISO = rf"^{_DATE}([Tt ]{_CLOCK}\s*(Z|z|[+-]\d{{2}}(:?\d{{2}})?)?)?$"
_NAMES_OF_UTC = r"\s*\b(UTC|GMT|utc|gmt)$"
_ZONE_BY_LETTERS = re.compile(r"\d\s*\(?([A-Z]{3,5})\)?$")
_TRIED = 1000  # different texts of a column, to find formats by
_MOST_NAMED = 3


def read_iso(texts: Texts) -> pd.Series[Any]:
    """Return times in UTC, NaT where a text is none in ISO 8601 with its whole date.

    The comma of ISO's fractions, a name of UTC and slashes are taken as well.
    """
    given = pc.replace_substring_regex(pa.array(texts, pa.string()), _NAMES_OF_UTC, "Z")
    iso = pc.match_substring_regex(given, _ISO)
    plain = pc.replace_substring(pc.if_else(iso, given, None), ",", ".")
    column = pd.Series(plain.to_pylist(), dtype=object)
    return pd.to_datetime(column, format="ISO8601", utc=True, errors="coerce")


def read_format(texts: Texts, format_: str) -> pd.Series[Any]:
    """Return times by a format of strptime, in UTC unless they have an offset; NaT for others."""
    given = pd.Series([*texts], dtype=object)
    moments = pd.to_datetime(given, format=format_, utc=True, errors="coerce", exact=True)
    if "%y" in format_:  # two digits are of no century
        moments = moments.where(is_plausible(moments))
    return moments


def refusal(text: str, column: Texts) -> str:
    """Say why a text is no time, and which formats would read it.

    Parameters
    ----------
    text
        One that was not read.
    column
        The texts of its column: a format is named if it reads all of them, or the first thousand.
    """
    if (zone := _ZONE_BY_LETTERS.search(text)) and zone[1] not in ("AM", "PM"):
        return (
            f"{zone[1]} may be several zones: write times in UTC, or with an offset such as +02:00"
        )
    tried = [*dict.fromkeys([text, *column[:_TRIED]])]
    fitting = [format_ for format_ in _candidates() if read_format([text], format_).notna().all()]
    fitting = [format_ for format_ in fitting if read_format(tried, format_).notna().all()]
    named = [f'`time_format: "{format_}"`' for format_ in fitting[:_MOST_NAMED]]
    if not named:
        return (
            "`time_format` can say how the column is written, such as"
            ' "%d.%m.%Y %H:%M:%S", or s, ms, us, ns, excel, filetime'
        )
    if len(named) == 1:
        return f"{named[0]} reads it"
    return f"{' and '.join(named)} both read it: say which, as no value tells day and month apart"


def _candidates() -> Iterator[str]:
    """Yield what people's programs write, the day before the month and behind it."""
    orders = ("%d{0}%m{0}%{1}", "%m{0}%d{0}%{1}")
    days = [
        order.format(mark, year)
        for mark, year, order in product("./-", "Yy", orders)
        if not (mark == "." and order.startswith("%m"))
    ]
    days += ["%Y.%m.%d", "%b %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%B %d, %Y", "%Y-%m-%d"]
    clocks = [
        "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %H:%M:%S,%f", " %I:%M %p", " %I:%M:%S %p",
        " %I:%M:%S.%f %p", ", %H:%M:%S", ", %I:%M:%S %p",
    ]  # fmt: skip
    for day, clock, offset in product(days, clocks, ("", " %z")):
        if clock or not offset:
            yield f"{day}{clock}{offset}"
    yield from ("%d/%b/%Y:%H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z")

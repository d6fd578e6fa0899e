"""Lines of JSON → records, at the speed of one decoder for all lines where all are sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from oddwire.traffic.sources.logs import Refused
from oddwire.traffic.sources.logs.parsing.columns import LATEST_START, IntArray, refused_line
from oddwire.traffic.sources.logs.parsing.lines import Block

Record = TypeVar("Record")
PREFIX = b"@cee:"  # what syslog puts before JSON
# No log of seconds reaches it before the year 5138; milliseconds passed it in 1973.
_LEAST_MILLISECONDS = 100_000_000_000


def decoded(
    block: Block, decoder: msgspec.json.Decoder[Record]
) -> tuple[list[Record], IntArray, list[Refused]]:
    """Decode lines of JSON.

    Parameters
    ----------
    block
        Lines of one JSON object each; blank ones are skipped.
    decoder
        Of the records.

    Returns
    -------
    The records, the number of each one's line, and the lines that hold no such record.
    """
    try:
        records = decoder.decode_lines(block.data)
        if len(records) == block.lines:
            return records, np.arange(block.first, block.first + len(records)), []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    return _line_by_line(block, decoder)


def flat(
    content: Mapping[str, Any], *, join: str = ".", named: Callable[[str], str] = str
) -> Iterator[tuple[str, Any]]:
    """Yield the values of records inside records, and the names on the way to each.

    Parameters
    ----------
    join
        What stands between the names.
    named
        Gives the name to use of a record's own.

    Examples
    --------
    >>> list(flat({"a": 1, "b": {"c": {"d": [2]}}}))
    [('a', 1), ('b.c.d', [2])]
    """
    for given, value in content.items():
        name = named(given)
        if isinstance(value, dict):
            for inner, deep in flat(value, join=join, named=named):
                yield f"{name}{join}{inner}", deep
        else:
            yield name, value


def _line_by_line(
    block: Block, decoder: msgspec.json.Decoder[Record]
) -> tuple[list[Record], IntArray, list[Refused]]:
    records: list[Record] = []
    lines: list[int] = []
    refused: list[Refused] = []
    for number, text in enumerate(block.data.split(b"\n"), block.first):
        line = text.strip()
        if not line:
            continue
        line = line.removeprefix(PREFIX)
        try:
            records.append(decoder.decode(line))
            lines.append(number)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            refused.append(refused_line(number, _reason(error), text))
    return records, np.array(lines, dtype=np.int64), refused


def _reason(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return str(error).replace("`", "'")
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8"
    return f"it is no JSON: {str(error).removeprefix('JSON is malformed: ')}"


def column(values: Sequence[Any]) -> pa.Array:
    """Return values of a column; where their types differ, as text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def times(
    values: Iterable[float | str | None], name: str = "ts"
) -> tuple[pa.Array, dict[int, str]]:
    """Return the times of a column, and why places that hold none are refused.

    Parameters
    ----------
    values
        Seconds since 1970, whole milliseconds, or ISO 8601 with a zone (UTC where it has none).
    name
        The column's name, for the reason.

    Returns
    -------
    Times, missing where there are none; and by its place the reason of each value that is no time
    from 1970 to 9900.
    """
    found = list(values)
    texts = any(isinstance(value, str) for value in found)
    # A text of digits is a time that a shipper put into quotes; one with a colon is none.
    given: Any = [None if isinstance(one, str) and ":" in one else one for one in found]
    if any(isinstance(one, str) for one in given):
        given = pd.to_numeric(pd.Series(given, dtype=object), errors="coerce")
    numbers = np.array(given, dtype=np.float64)
    numbers[np.isinf(numbers)] = -1.0  # no time either
    milliseconds = (np.abs(numbers) >= _LEAST_MILLISECONDS) & (numbers % 1 == 0)
    seconds = np.where(milliseconds, numbers / 1000, numbers)
    sound = (seconds >= 0) & (seconds < LATEST_START)
    micros = np.where(sound, np.round(np.where(sound, seconds, 0) * 1e6), 0).astype(np.int64)
    if texts:
        others = pd.Series(found, dtype=object).where(np.isnan(numbers))
        parsed = pd.to_datetime(others, utc=True, format="ISO8601", errors="coerce")
        at = parsed.to_numpy("datetime64[us]").astype(np.int64)
        here = parsed.notna().to_numpy() & (at >= 0)
        micros, sound = np.where(here, at, micros), sound | here
    instants = pa.array(micros, mask=~sound).cast(pa.timestamp("us", tz="UTC"))
    return instants, {
        int(place): f"{name} must be a time from 1970 to 9900, got {found[place]!r:.80}"
        for place in np.flatnonzero(~sound)
        if found[place] is not None
    }

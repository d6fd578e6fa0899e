"""The connection schema, and the border check that every reader's rows pass.

A frame of connections is checked once, where it comes in. The code behind relies on it: these
columns in this order and of these types, unknown values missing and never 0, rows in the order in
which they are known. That is the order of a log, whose lines are written when connections end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from oddwire.errors import DataError, listed, short_repr
from oddwire.traffic.schema import ATTACK, CAMPAIGN, END, LABEL, TIME, time_order

# Integer columns and the largest value that makes sense in each. The limit on bytes, 256 TiB,
# keeps the sums of the time windows far inside 64 bits.
_WHOLE = {
    "src_port": ("Int32", 65_535),
    "dst_port": ("Int32", 65_535),
    "src_bytes": ("Int64", 2**48),
    "dst_bytes": ("Int64", 2**48),
    "src_packets": ("Int64", 2**48),
    "dst_packets": ("Int64", 2**48),
    LABEL: ("Int8", 1),
}
TEXT_COLUMNS = (
    "uid", "src_ip", "dst_ip", "proto", "service", "conn_state", "history", ATTACK, CAMPAIGN,
)  # fmt: skip

CONNECTION_COLUMNS = (
    TIME,
    END,
    "uid",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "proto",
    "service",
    "duration",
    "src_bytes",
    "dst_bytes",
    "src_packets",
    "dst_packets",
    "conn_state",
    "history",
    LABEL,
    ATTACK,
    CAMPAIGN,
)
# Without these a row is no connection; the others may be missing as whole columns.
REQUIRED_COLUMNS = (TIME, "src_ip", "dst_ip", "dst_port", "proto")
# What `end` follows from.
END_COLUMNS = (TIME, END, "duration")

LATEST_SECOND = 253_402_300_800  # the end of the year 9999, as seconds since 1970
_LATEST = pd.Timestamp("9999-12-31T23:59:59.999999Z")


def check_connections(frame: pd.DataFrame, *, origin: str) -> pd.DataFrame:
    """Bring rows into the shape of the connection schema, check them, and put them in order.

    Parameters
    ----------
    frame, origin
        As for `type_connections`.

    Returns
    -------
    A new DataFrame of `CONNECTION_COLUMNS`, sorted by ``end`` since a table has no order of a log
    (rows of the same end keep their order), with a fresh index.

    Raises
    ------
    DataError
        If there are no rows, a required column is absent, or a value breaks its column's rule.
    """
    typed = type_connections(frame, origin=origin)
    return typed.iloc[time_order(typed)].reset_index(drop=True)


def type_connections(frame: pd.DataFrame, *, origin: str, first_row: int = 0) -> pd.DataFrame:
    """Bring rows into the shape of the connection schema, and check them.

    Parameters
    ----------
    frame
        Columns named as in the schema, in any order; numbers and times may be text. A time is
        ISO 8601 (UTC where it names no zone) or seconds since 1970. Other columns are left out,
        absent optional ones come back as missing. An infinite count becomes a missing one. An
        ``end`` that is missing follows from start and duration; see `ends_of`.
    origin
        What to call the rows in an error, such as the file's name.
    first_row
        Which of the origin's rows is the first, counted from 0.

    Returns
    -------
    A new DataFrame of `CONNECTION_COLUMNS`, in the order given, with a fresh index.

    Raises
    ------
    DataError
        If there are no rows, a required column is absent, or a value breaks its column's rule; it
        names the first such row, counted from 1.
    """
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"{origin}: column names must differ, got {short_repr(twice)} twice")
    require_columns(frame.columns, origin=origin)
    if frame.empty:
        raise DataError(f"{origin}: at least one row is needed, got a header alone")
    rows = _Origin(origin, first_row)
    columns = {name: _coerce(frame, name, rows) for name in CONNECTION_COLUMNS if name != END}
    columns[END] = _ends(frame, columns[TIME], columns["duration"], rows)
    return pd.DataFrame(
        {name: columns[name] for name in CONNECTION_COLUMNS}, index=pd.RangeIndex(len(frame))
    )


def type_ends(frame: pd.DataFrame, *, origin: str, first_row: int = 0) -> pd.Series[Any]:
    """Return the column ``end`` alone of what `type_connections` returns.

    Parameters
    ----------
    frame
        Those of `END_COLUMNS` that there are.
    origin, first_row
        As for `type_connections`.
    """
    rows = _Origin(origin, first_row)
    return _ends(frame, _coerce(frame, TIME, rows), _coerce(frame, "duration", rows), rows)


def ends_of(starts: pd.Series[Any], durations: pd.Series[Any]) -> pd.Series[Any]:
    """Return when connections ended: start and duration, rounded to microseconds.

    It is the start where the duration is unknown, or so long that the end is after the year 9999.
    """
    micros = (durations.to_numpy(dtype=np.float64) * 1e6).round()
    micros[~(micros < LATEST_SECOND * 1e6)] = 0
    ends = starts + pd.Series(micros.astype("timedelta64[us]"), index=starts.index)
    return ends.where(ends <= _LATEST, starts)


def _ends(
    frame: pd.DataFrame, starts: pd.Series[Any], durations: pd.Series[Any], origin: _Origin
) -> pd.Series[Any]:
    """Take over the ends given, but none that is missing, before its start or in no calendar."""
    ends = ends_of(starts, durations)
    if END not in frame:
        return ends
    given = frame[END].reset_index(drop=True)
    known = _as_time(given, END, origin, required=False).fillna(ends)
    return known.where((known >= starts) & (known <= _LATEST), starts)


class _Origin(NamedTuple):
    """Where rows are from, and which of its rows is the first."""

    name: str
    first_row: int


def require_columns(names: Iterable[str], *, origin: str) -> None:
    """Refuse rows that lack a column without which they are no connections.

    Raises
    ------
    DataError
        Naming the column, and those that there are.
    """
    present = list(map(str, names))
    if absent := [name for name in REQUIRED_COLUMNS if name not in present]:
        raise DataError(
            f"{origin}: a file of connections needs the column {absent[0]!r}, got {listed(present)}"
        )


def _coerce(frame: pd.DataFrame, name: str, origin: _Origin) -> pd.Series[Any]:
    given = (
        frame[name].reset_index(drop=True)
        if name in frame
        else pd.Series(None, index=pd.RangeIndex(len(frame)), dtype=object)
    )
    if name == TIME:
        return _as_time(given, name, origin)
    if name in TEXT_COLUMNS:
        return _as_text(given)
    if name in _WHOLE:
        return _as_whole(given, name, origin)
    numbers = _as_number(given, name, origin).astype(np.float64)
    _refuse(given, numbers < 0, name, "must be 0 or more", origin)
    return numbers


def _as_text(given: pd.Series[Any]) -> pd.Series[Any]:
    missing = given.isna() | (given == "")
    return given.astype(str).astype(object).mask(missing, None)


def _as_number(given: pd.Series[Any], name: str, origin: _Origin) -> pd.Series[Any]:
    if not pd.api.types.is_numeric_dtype(given.dtype):
        given = given.replace("", None) if given.dtype == object else given
    numbers = pd.to_numeric(given, errors="coerce")
    _refuse(given, numbers.isna() & given.notna(), name, "must be a number", origin)
    return numbers


def _as_whole(given: pd.Series[Any], name: str, origin: _Origin) -> pd.Series[Any]:
    numbers = _as_number(given, name, origin)
    if pd.api.types.is_float_dtype(numbers.dtype):
        numbers = numbers.astype("Float64").mask(np.isinf(numbers.astype(np.float64)), pd.NA)
        _refuse(given, (numbers % 1 != 0).fillna(value=False), name, "must be whole", origin)
    dtype, most = _WHOLE[name]
    outside = ((numbers < 0) | (numbers > most)).fillna(value=False).astype(bool)
    rule = "must be 0 or 1" if name == LABEL else f"must be from 0 to {most}"
    _refuse(given, outside, name, rule, origin)
    whole: pd.Series[Any] = numbers.astype(pd.api.types.pandas_dtype(dtype))
    return whole


def _as_time(
    given: pd.Series[Any], name: str, origin: _Origin, *, required: bool = True
) -> pd.Series[Any]:
    if pd.api.types.is_datetime64_any_dtype(given.dtype):
        times = pd.to_datetime(given, utc=True)
    else:
        seconds = pd.to_numeric(given, errors="coerce").astype(np.float64)
        # Rounded to microseconds as whole numbers: a float of seconds has no room for more.
        whole = (seconds * 1e6).round().where(seconds.abs() < LATEST_SECOND).astype("Int64")
        times = pd.to_datetime(whole, unit="us", utc=True)
        if seconds.isna().any():
            text = given.where(seconds.isna())
            times = times.fillna(pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce"))
    wrong = times.isna() if required else times.isna() & given.notna() & (given != "")
    _refuse(given, wrong, name, "must be a time", origin)
    return times.dt.as_unit("us")


def _refuse(
    given: pd.Series[Any], broken: pd.Series[Any], name: str, rule: str, origin: _Origin
) -> None:
    if broken.any():
        row = int(np.flatnonzero(broken.to_numpy(dtype=bool))[0])
        raise DataError(
            f"{origin.name}, row {origin.first_row + row + 1}: {name} {rule}, "
            f"got {_shown(given.iloc[row])}"
        )


def _shown(value: Any) -> str:
    """Show a value as it is in a file, cut if long."""
    if pd.isna(value):
        return "nothing"
    return f"{value.item() if isinstance(value, np.generic) else value!r:.80}"

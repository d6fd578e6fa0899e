"""The connection schema, and the border check that every reader's rows pass.

A frame of connections is checked once, where it comes in. The code behind relies on it: these
columns in this order and of these types, unknown values missing and never 0, sorted by time.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from oddwire.errors import DataError, listed
from oddwire.traffic.schema import ATTACK, LABEL, TIME, time_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandera.pandas

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
_TEXT = ("uid", "src_ip", "dst_ip", "proto", "service", "conn_state", ATTACK)

CONNECTION_COLUMNS = (
    TIME,
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
    LABEL,
    ATTACK,
)
# Without these a row is no connection; the others may be missing as whole columns.
REQUIRED_COLUMNS = (TIME, "src_ip", "dst_ip", "dst_port", "proto")

LATEST_SECOND = 253_402_300_800  # the end of the year 9999, as seconds since 1970


@cache
def connection_schema() -> pandera.pandas.DataFrameSchema:
    """Return the schema of a frame of connections, for pandera."""
    import pandera.pandas as pa  # half a second, only paid by who reads connections

    columns = {
        TIME: pa.Column("datetime64[us, UTC]", nullable=False),
        "duration": pa.Column("float64", pa.Check.ge(0), nullable=True),
        **{
            name: pa.Column(dtype, pa.Check.in_range(0, most), nullable=True)
            for name, (dtype, most) in _WHOLE.items()
        },
        **{name: pa.Column(object, nullable=True) for name in _TEXT},
    }
    return pa.DataFrameSchema(
        {name: columns[name] for name in CONNECTION_COLUMNS}, strict=True, ordered=True
    )


def check_connections(frame: pd.DataFrame, *, origin: str) -> pd.DataFrame:
    """Bring rows into the shape of the connection schema, check them, and put them in order.

    Parameters
    ----------
    frame, origin
        As for `type_connections`.

    Returns
    -------
    A new DataFrame of `CONNECTION_COLUMNS`, sorted by time (rows of the same time keep their
    order), with a fresh index.

    Raises
    ------
    DataError
        If there are no rows, a required column is absent, or a value breaks its column's rule.
    """
    typed = type_connections(frame, origin=origin)
    return typed.iloc[time_order(typed)].reset_index(drop=True)


def type_connections(frame: pd.DataFrame, *, origin: str) -> pd.DataFrame:
    """Bring rows into the shape of the connection schema, and check them.

    Parameters
    ----------
    frame
        Columns named as in the schema, in any order; numbers and times may be text. A time is
        ISO 8601 (UTC where it names no zone) or seconds since 1970. Other columns are left out,
        absent optional ones come back as missing. An infinite count becomes a missing one.
    origin
        What to call the rows in an error, such as the file's name.

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
        raise DataError(f"{origin}: column names must differ, got {twice!r} twice")
    check_absent(frame.columns, origin=origin)
    if frame.empty:
        raise DataError(f"{origin}: at least one row is needed, got a header alone")
    typed = pd.DataFrame(
        {name: _coerce(frame, name, origin) for name in CONNECTION_COLUMNS},
        index=pd.RangeIndex(len(frame)),
    )
    _validate(typed, origin)
    return typed


def check_absent(names: Iterable[str], *, origin: str) -> None:
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


def _coerce(frame: pd.DataFrame, name: str, origin: str) -> pd.Series[Any]:
    given = (
        frame[name].reset_index(drop=True)
        if name in frame
        else pd.Series(None, index=pd.RangeIndex(len(frame)), dtype=object)
    )
    if name == TIME:
        return _as_time(given, origin)
    if name in _TEXT:
        return _as_text(given)
    if name in _WHOLE:
        return _as_whole(given, name, _WHOLE[name][0], origin)
    return _as_number(given, name, origin).astype(np.float64)


def _as_text(given: pd.Series[Any]) -> pd.Series[Any]:
    missing = given.isna() | (given == "")
    return given.astype(str).astype(object).mask(missing, None)


def _as_number(given: pd.Series[Any], name: str, origin: str) -> pd.Series[Any]:
    if not pd.api.types.is_numeric_dtype(given.dtype):
        given = given.replace("", None) if given.dtype == object else given
    numbers = pd.to_numeric(given, errors="coerce")
    _refuse(given, numbers.isna() & given.notna(), name, "must be a number", origin)
    return numbers


def _as_whole(given: pd.Series[Any], name: str, dtype: str, origin: str) -> pd.Series[Any]:
    numbers = _as_number(given, name, origin)
    if pd.api.types.is_float_dtype(numbers.dtype):
        numbers = numbers.astype("Float64").mask(np.isinf(numbers.astype(np.float64)), pd.NA)
        _refuse(given, (numbers % 1 != 0).fillna(value=False), name, "must be whole", origin)
    # What does not fit in the type would fail in the conversion, before any rule is looked at.
    limits = np.iinfo(dtype.lower())
    outside = (numbers < limits.min) | (numbers > limits.max)
    _refuse(given, outside.fillna(value=False).astype(bool), name, _range_of(name), origin)
    whole: pd.Series[Any] = numbers.astype(pd.api.types.pandas_dtype(dtype))
    return whole


def _as_time(given: pd.Series[Any], origin: str) -> pd.Series[Any]:
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
    _refuse(given, times.isna(), TIME, "must be a time", origin)
    return times.dt.as_unit("us")


def _refuse(
    given: pd.Series[Any], broken: pd.Series[Any], name: str, rule: str, origin: str
) -> None:
    if broken.any():
        row = int(np.flatnonzero(broken.to_numpy(dtype=bool))[0])
        raise DataError(f"{origin}, row {row + 1}: {name} {rule}, got {_shown(given.iloc[row])}")


def _validate(typed: pd.DataFrame, origin: str) -> None:
    import pandera.errors  # comes with the schema

    try:
        connection_schema().validate(typed)
    except pandera.errors.SchemaError as error:
        raise DataError(_in_words(error, origin)) from None


def _in_words(error: Any, origin: str) -> str:
    first = error.failure_cases.iloc[0]
    name, row, got = error.schema.name, int(first["index"]) + 1, _shown(first["failure_case"])
    return f"{origin}, row {row}: {name} {_range_of(name)}, got {got}"


def _range_of(name: str) -> str:
    if name == LABEL:
        return "must be 0 or 1"
    return f"must be from 0 to {_WHOLE[name][1]}" if name in _WHOLE else "must be 0 or more"


def _shown(value: Any) -> str:
    """Show a value as it is in a file, cut if long."""
    if pd.isna(value):
        return "nothing"
    return f"{value.item() if isinstance(value, np.generic) else value!r:.80}"

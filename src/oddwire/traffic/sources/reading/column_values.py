"""One column of a file → numbers, categories, labels or times.

What people write for *unknown* is missing here (`MISSING`, and what the source lists), ``inf`` and
``Infinity`` are numbers. The work is done on a column's distinct texts, of which there are far
fewer than rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from oddwire.errors import DataError, short_repr
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.reading.raw_table import RawTable
from oddwire.traffic.sources.reading.values.number_texts import (
    Flags,
    Floats,
    any_numbers,
    distinct,
    parse_numbers,
)
from oddwire.traffic.sources.reading.values.numeric_share import NumericShare
from oddwire.traffic.sources.reading.values.plain_types import is_number_type
from oddwire.traffic.sources.reading.values.spelling import PLAIN

# Seconds, milliseconds, microseconds, nanoseconds since 1970, known by the size of the number:
# each bound is the year 5138 in its unit, and 1973 in the next smaller one.
_EPOCH_UNITS = ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0), (np.inf, 0.001))


@dataclass(frozen=True)
class TimeForm:
    """How a whole column writes its times, so that a batch of it is not read otherwise.

    Parameters
    ----------
    numeric
        Whether as numbers since 1970.
    to_microseconds
        What such a number is multiplied by.
    """

    numeric: bool
    to_microseconds: float = 0.0

    @classmethod
    def of(cls, batches: Callable[[], Iterable[pa.ChunkedArray]]) -> TimeForm:
        """Look at all values of a column; the function gives them from the first one on."""
        share = NumericShare()
        for column in batches():
            share.add(column)
        if not share.is_numeric:
            return cls(numeric=False)
        epochs = [np.abs(any_numbers(column, PLAIN)) for column in batches()]
        sizes = np.concatenate([size[np.isfinite(size)] for size in epochs])
        size = float(np.median(sizes)) if sizes.size else 0.0
        return cls(True, next(factor for bound, factor in _EPOCH_UNITS if size < bound))


def numbers(raw: RawTable, name: str) -> Floats:
    """Return a column as float64[rows], missing values as NaN.

    Raises
    ------
    DataError
        If a value is no number; the file, column, line and value are named.
    """
    column = raw.column(name)
    if is_number_type(column.type):
        return any_numbers(column, raw.spelling)
    values, strange = parse_numbers(_text(raw, name), raw.spelling)
    _refuse(raw, name, strange, f"is not a number, and the column is numeric{_remedy(raw)}")
    return values


def _remedy(raw: RawTable) -> str:
    if not raw.spelling.has_keys:
        return ""
    return (
        "; if it means missing, list it under null_values, and if it is a word, the column under"
        " categorical"
    )


def categories(raw: RawTable, name: str) -> pd.Series[Any]:
    """Return a column as stripped strings, missing values as None.

    6.0 and 6 are one category, and so are True and true.
    """
    return _map_distinct(_text(raw, name), raw.spelling.category)


def labels(raw: RawTable, name: str, rule: LabelRule) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return a column as labels and as attack families.

    Returns
    -------
    label
        Int8: 0 benign, 1 attack, missing where unknown.
    attack
        The text of the attack; missing where benign, unknown, or the column holds numbers alone.
    """
    text = _text(raw, name)
    return _map_distinct(text, rule.of).astype("Int8"), _map_distinct(text, rule.family)


def label_counts(raw: RawTable, name: str) -> Counter[str]:
    """Count the texts of a column of labels; a null is the empty text."""
    places, texts = distinct(_text(raw, name))
    values, counts = np.unique(places, return_counts=True)
    known = [*texts.to_pylist(), ""]
    return Counter({known[at]: int(count) for at, count in zip(values, counts, strict=True)})


def times(
    raw: RawTable, name: str, *, required: bool, form: TimeForm | None = None
) -> pd.Series[Any]:
    """Return a column as ``datetime64[us, UTC]``.

    ISO 8601 texts are read (UTC unless they name a zone), and seconds, milliseconds,
    microseconds or nanoseconds since 1970.

    Parameters
    ----------
    required
        Refuse missing times: rows without one cannot be put in order.
    form
        How the whole column writes its times, where this is a batch of it.

    Raises
    ------
    DataError
        If a value is no time; the file, column, line and value are named.
    """
    column = raw.column(name)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        moments = pd.to_datetime(pd.Series(column.to_pandas()), utc=True)
        known = moments.notna().to_numpy()
    elif (form := form or TimeForm.of(lambda: [column])).numeric:
        epoch = numbers(replace(raw, spelling=PLAIN), name)
        moments, known = _from_epoch(epoch, form.to_microseconds), ~np.isnan(epoch)
    else:
        texts = _map_distinct(_text(raw, name), PLAIN.category)
        moments, known = _from_iso(texts), texts.notna().to_numpy()
    _refuse(raw, name, known & moments.isna().to_numpy(), "is no time in ISO 8601 or since 1970")
    if required:
        _refuse(raw, name, ~known, "is no time, and rows are put in order by this column")
    return moments.dt.as_unit("us")


def _from_epoch(epoch: Floats, to_microseconds: float) -> pd.Series[Any]:
    microseconds = pd.Series(np.round(epoch * to_microseconds))
    # Beyond 2**53 a float no longer counts single microseconds, and no log is from that year.
    sound = microseconds.abs() < 2.0**53
    return pd.to_datetime(microseconds.where(sound).astype("Int64"), unit="us", utc=True)


def _from_iso(texts: pd.Series[Any]) -> pd.Series[Any]:
    distinct = pd.Series(texts.dropna().unique(), dtype=object)
    moments = pd.to_datetime(distinct, format="ISO8601", utc=True, errors="coerce")
    found = dict(zip(distinct, moments, strict=True))
    return pd.Series(pd.to_datetime(texts.map(found), utc=True))


def _text(raw: RawTable, name: str) -> pa.ChunkedArray:
    column = raw.column(name)
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_duration(kind) or not is_number_type(kind):
        raise DataError(
            f"{raw.file}: column {short_repr(name)} holds {str(kind)[:80]}, not numbers or text;"
            " list it under drop"
        )
    return column.cast(pa.string())


def _map_distinct(column: pa.ChunkedArray, meaning: Callable[[str], Any]) -> pd.Series[Any]:
    places, texts = distinct(column)
    found = np.array([*map(meaning, texts.to_pylist()), None], dtype=object)
    return pd.Series(found[places], dtype=object)


def _refuse(raw: RawTable, name: str, rows: Flags, rule: str) -> None:
    """Raise, naming the first of the flagged rows, if there is one."""
    if not rows.any():
        return
    row = int(np.argmax(rows))
    value = raw.column(name)[row].as_py()
    others = int(np.count_nonzero(rows)) - 1
    more = f" ({others} more like it)" if others else ""
    raise DataError(
        f"{raw.file}, {raw.place(row)}, column {short_repr(name)}: {short_repr(value)} {rule}{more}"
    )

"""One column of a file → numbers, categories, labels or times.

What people write for *unknown* is missing here (`MISSING`, and what the source lists), ``inf`` and
``Infinity`` are numbers. The work is done on a column's distinct texts, of which there are far
fewer than rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

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
from oddwire.traffic.sources.times.form import TimeForm

# 1.71802E+09: a spreadsheet has kept 6 of 10 digits, and all rows of an hour have one time.
_CUT = r"^\s*\d(\.\d{0,8})?[eE]\+?\d+\s*$"


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


def time_form(batches: Callable[[], Iterable[pa.ChunkedArray]]) -> TimeForm:
    """Look at all values of a column of times; the function gives them from the first one on."""
    share = NumericShare()
    for column in batches():
        share.add(column)
    if not share.is_numeric:
        return TimeForm()
    return TimeForm.of_numbers(np.concatenate([any_numbers(column, PLAIN) for column in batches()]))


def times(
    raw: RawTable, name: str, *, required: bool, form: TimeForm | None = None
) -> pd.Series[Any]:
    """Return a column as ``datetime64[us, UTC]``.

    ISO 8601 texts are read (UTC unless they name an offset), seconds, milliseconds, microseconds
    or nanoseconds since 1970 that give a year of these decades, and what the source says.

    Parameters
    ----------
    required
        Refuse missing times: rows without one cannot be put in order.
    form
        How the whole column writes its times, where this is a batch of it, or the source says so.

    Raises
    ------
    DataError
        If a value is no time; the file, column, line and value are named.
    """
    column = raw.column(name)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        moments = pd.to_datetime(pd.Series(column.to_pandas()), utc=True)
        known = moments.notna().to_numpy()
    elif (form := form or time_form(lambda: [column])).numeric:
        moments, known = _times_of_numbers(replace(raw, spelling=PLAIN), name, form)
    else:
        texts = _map_distinct(_text(raw, name), PLAIN.category)
        moments, known = form.from_texts(texts), texts.notna().to_numpy()
        wrong = known & moments.isna().to_numpy()
        if wrong.any():
            _refuse(raw, name, wrong, form.text_rule(texts[int(np.argmax(wrong))], texts))
    if required:
        _refuse(raw, name, ~known, "is no time, and rows are put in order by this column")
    return moments.dt.as_unit("us")


def _times_of_numbers(raw: RawTable, name: str, form: TimeForm) -> tuple[pd.Series[Any], Flags]:
    """Return the times of a column of numbers, and which rows have one."""
    column, floats = raw.column(name), numbers(raw, name)
    known = ~np.isnan(floats)
    if not is_number_type(column.type):
        cut = pc.match_substring_regex(column, _CUT).fill_null(False).to_numpy()
        _refuse(raw, name, cut, "is a time with its last digits cut off: write all of them")
    whole = _whole(column)
    moments = form.from_numbers(floats if whole is None else whole).where(known)
    wrong = known & moments.isna().to_numpy()
    if wrong.any():
        _refuse(raw, name, wrong, form.number_rule(float(floats[np.argmax(wrong)])))
    return moments, known


def _whole(column: pa.ChunkedArray) -> NDArray[np.int64] | None:
    """Return int64[rows] of whole numbers, 0 where missing: a float holds 16 digits of 18."""
    try:
        if not is_number_type(column.type):
            column = pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column)
        elif not pa.types.is_integer(column.type):
            return None
        return np.asarray(column.cast(pa.int64()).fill_null(0).to_numpy(), dtype=np.int64)
    except pa.ArrowInvalid:
        return None


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

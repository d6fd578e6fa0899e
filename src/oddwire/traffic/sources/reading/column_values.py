"""One column of a file → numbers, categories, labels or times.

What people write for *unknown* is missing here: an empty value, ``-``, ``?``, ``NA``, ``NaN`` and
``null`` in any case. ``inf`` and ``Infinity`` are numbers. The work is done on a column's distinct
texts, of which there are far fewer than rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from oddwire.errors import DataError
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.reading.raw_table import RawTable
from oddwire.traffic.sources.reading.times.form import TimeForm

MISSING = ("", "-", "?", "na", "n/a", "nan", "null", "<na>")
_MOST_SHOWN = 80  # characters of a wrong value
NUMERIC_SHARE = 0.95  # of the non-missing values of a column, for it to count as numeric

_NUMBER = r"(?i)^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity)$"
# 1.71802E+09: a spreadsheet has kept 6 of 10 digits, and all rows of an hour have one time.
_CUT = r"^\s*\d(\.\d{0,8})?[eE]\+?\d+\s*$"
_TRUTH = {"true": "1", "false": "0"}
_NUMBER_TYPES = (
    pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal,
    pa.types.is_duration, pa.types.is_null,
)  # fmt: skip

Floats = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass
class NumericShare:
    """How many of a column's values are numbers, counted batch by batch."""

    _known: int = 0
    _strange: int = 0
    _other_type: bool = False

    def add(self, column: pa.ChunkedArray) -> None:
        """Count further values: text (CSV) or any other type (Parquet)."""
        if _is_number_type(column.type):
            return
        if not _is_text(column.type):
            self._other_type = True
            return
        values, strange = _parse_numbers(column)
        self._strange += int(np.count_nonzero(strange))
        self._known += int(np.count_nonzero(~np.isnan(values)) + np.count_nonzero(strange))

    @property
    def is_numeric(self) -> bool:
        """Whether at least 95 % of the non-missing values are numbers."""
        return not self._other_type and self._strange <= (1 - NUMERIC_SHARE) * self._known


def numbers(raw: RawTable, name: str) -> Floats:
    """Return a column as float64[rows], missing values as NaN.

    Raises
    ------
    DataError
        If a value is no number; the file, column, line and value are named.
    """
    column = raw.column(name)
    if _is_number_type(column.type):
        return _any_numbers(column)
    values, strange = _parse_numbers(_text(raw, name))
    _refuse(raw, name, strange, "is not a number, and the column is numeric")
    return values


def categories(raw: RawTable, name: str) -> pd.Series[Any]:
    """Return a column as stripped strings, missing values as None; 6.0 and 6 are one category."""
    return _map_distinct(_text(raw, name), _category)


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
    places, texts = _distinct(_text(raw, name))
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
    return TimeForm.of_numbers(np.concatenate([_any_numbers(column) for column in batches()]))


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
        moments, known = _times_of_numbers(raw, name, form)
    else:
        texts = _map_distinct(_text(raw, name), _category)
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
    if not _is_number_type(column.type):
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
        if not _is_number_type(column.type):
            column = pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column)
        elif not pa.types.is_integer(column.type):
            return None
        return np.asarray(column.cast(pa.int64()).fill_null(0).to_numpy(), dtype=np.int64)
    except pa.ArrowInvalid:
        return None


def _any_numbers(column: pa.ChunkedArray) -> Floats:
    """Return numbers of any type, or those of a text; what is none is NaN."""
    if not _is_number_type(column.type):
        return _parse_numbers(column)[0]
    if pa.types.is_duration(column.type):  # in seconds, as all durations here
        column = pc.divide(column.cast(pa.duration("us")).cast(pa.int64()), 1e6)
    return _float64(column.cast(pa.float64(), safe=False))


def _category(text: str) -> str | None:
    if text.casefold() in MISSING:
        return None
    whole, dot, fraction = text.partition(".")
    # A column of whole numbers with gaps is often written with a decimal point.
    return whole if dot and not fraction.strip("0") and whole.lstrip("-").isdigit() else text


def _is_number_type(kind: pa.DataType) -> bool:
    return any(fits(kind) for fits in _NUMBER_TYPES)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _text(raw: RawTable, name: str) -> pa.ChunkedArray:
    column = raw.column(name)
    kind = column.type
    if not _is_text(kind) and (pa.types.is_duration(kind) or not _is_number_type(kind)):
        raise DataError(
            f"{raw.file}: column {name!r} holds {kind}, not numbers or text; list it under drop"
        )
    return column if pa.types.is_string(kind) else column.cast(pa.string())


def _distinct(column: pa.ChunkedArray) -> tuple[np.ndarray[Any, Any], pa.Array]:
    """Return for each row the place of its text among the distinct ones; -1 where null."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = column.dictionary_encode().unify_dictionaries()
    places = [chunk.indices.fill_null(-1).to_numpy() for chunk in encoded.chunks]
    if not places:
        return np.empty(0, dtype=np.int32), pa.array([], pa.string())
    return np.concatenate(places), pc.utf8_trim_whitespace(encoded.chunk(0).dictionary)


def _parse_numbers(column: pa.ChunkedArray) -> tuple[Floats, Flags]:
    """Return float64[rows], NaN where missing or no number, and which are no numbers."""
    try:  # most columns hold plain numbers and gaps: several times faster
        parsed = _float64(pc.if_else(pc.equal(column, ""), None, column).cast(pa.float64()))
        return parsed, np.zeros(len(parsed), dtype=bool)
    except pa.ArrowInvalid:
        pass
    places, texts = _distinct(column)
    lower = pc.utf8_lower(texts)
    for word, number in _TRUTH.items():
        lower = pc.if_else(pc.equal(lower, word), number, lower)
    fits = pc.match_substring_regex(lower, _NUMBER)
    parsed = _float64(pc.if_else(fits, lower, None).cast(pa.float64()))
    missing = pc.is_in(lower, pa.array(MISSING, lower.type))
    strange = pc.invert(pc.or_(fits, missing)).to_numpy(zero_copy_only=False)
    # One more entry at the end serves the place -1 of nulls.
    return np.append(parsed, np.nan)[places], np.append(strange, False).astype(bool)[places]


def _float64(column: pa.Array | pa.ChunkedArray) -> Floats:
    if isinstance(column, pa.ChunkedArray):
        return np.asarray(column.to_numpy(), dtype=np.float64).copy()
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _map_distinct(column: pa.ChunkedArray, meaning: Callable[[str], Any]) -> pd.Series[Any]:
    places, texts = _distinct(column)
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
    raise DataError(f"{raw.file}, {raw.place(row)}, column {name!r}: {_shown(value)} {rule}{more}")


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"

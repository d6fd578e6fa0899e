"""Texts → numbers. The work is done on distinct texts, of which there are far fewer than rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddwire.traffic.sources.conventions import MISSING
from oddwire.traffic.sources.reading.values.plain_types import is_number_type
from oddwire.traffic.sources.reading.values.spelling import TRUTH, Spelling

Floats = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.int32]]

_INFINITE = r"inf|infinity"
_NUMBER = {
    ".": rf"^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|{_INFINITE})$",
    ",": rf"^[+-]?(((\d+|\d{{1,3}}(\.\d{{3}})+)(,\d*)?|,\d+)(e[+-]?\d+)?|{_INFINITE})$",
}
# Words for numbers; the second kind is how older Windows programs write infinity.
_WORDS = TRUTH | {
    f"{sign}1.#inf{zeros}": f"{sign}inf" for sign in ("", "-", "+") for zeros in ("", "0", "00")
}


def any_numbers(column: pa.ChunkedArray, spelling: Spelling) -> Floats:
    """Return numbers of any type, or those of a text; what is none is NaN."""
    if not is_number_type(column.type):
        return parse_numbers(column, spelling)[0]
    if pa.types.is_duration(column.type):  # in seconds, as all durations here
        column = pc.divide(column.cast(pa.duration("us")).cast(pa.int64()), 1e6)
    return without_nulls(_float64(column.cast(pa.float64(), safe=False)), spelling)


def parse_numbers(column: pa.ChunkedArray, spelling: Spelling) -> tuple[Floats, Flags]:
    """Return float64[rows], NaN where missing or no number, and which are no numbers."""
    if (parsed := plainly_numbers(column, spelling)) is not None:
        return parsed, np.zeros(len(parsed), dtype=bool)
    places, texts = distinct(column)
    parsed, strange = parse_texts(texts, spelling)
    # One more entry at the end serves the place -1 of nulls.
    return np.append(parsed, np.nan)[places], np.append(strange, False)[places]


def plainly_numbers(column: pa.ChunkedArray, spelling: Spelling) -> Floats | None:
    """Return the numbers of a column of plain numbers and gaps, as most are: several times faster.

    None where it holds anything else.
    """
    if spelling.decimal != ".":  # a dot parts thousands then
        return None
    try:
        parsed = pc.if_else(pc.equal(column, ""), None, column).cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return without_nulls(_float64(parsed), spelling)


def parse_texts(texts: pa.Array, spelling: Spelling) -> tuple[Floats, Flags]:
    """Return float64[texts], NaN where missing or no number, and which are no numbers."""
    lower = pc.utf8_lower(texts)
    word = pc.index_in(lower, pa.array(list(_WORDS), lower.type))
    if word.null_count < len(word):
        lower = pc.if_else(
            pc.is_valid(word), pc.take(pa.array(list(_WORDS.values()), lower.type), word), lower
        )
    fits = pc.match_substring_regex(lower, _NUMBER[spelling.decimal])
    written = pc.if_else(fits, lower, None)
    if spelling.decimal == ",":
        written = pc.replace_substring(pc.replace_substring(written, ".", ""), ",", ".")
    parsed = without_nulls(_float64(written.cast(pa.float64())), spelling)
    missing = pc.is_in(lower, pa.array([*MISSING, *spelling.nulls], lower.type))
    strange = pc.invert(pc.or_(fits, missing)).to_numpy(zero_copy_only=False).astype(bool)
    return parsed, strange


def distinct(column: pa.ChunkedArray) -> tuple[Places, pa.Array]:
    """Return for each row the place of its text among the distinct ones; -1 where null.

    The texts are stripped, so that some may be equal.
    """
    encoded = column.dictionary_encode().unify_dictionaries()
    places = [chunk.indices.fill_null(-1).to_numpy() for chunk in encoded.chunks]
    if not places:
        return np.empty(0, dtype=np.int32), pa.array([], pa.string())
    return np.concatenate(places), pc.utf8_trim_whitespace(encoded.chunk(0).dictionary)


def without_nulls(values: Floats, spelling: Spelling) -> Floats:
    """Return numbers with those that mean missing as NaN."""
    if spelling.null_numbers:
        values[np.isin(values, spelling.null_numbers)] = np.nan
    return values


def _float64(column: pa.Array | pa.ChunkedArray) -> Floats:
    if isinstance(column, pa.ChunkedArray):
        return np.asarray(column.to_numpy(), dtype=np.float64).copy()
    return np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)

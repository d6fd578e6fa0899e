"""Columns of a frame as plain arrays, whatever their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from oddwire.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from oddwire.detection.arrays import Places, Vector

    Words = NDArray[np.object_]


class Categories:
    """The categories of a frame's columns, each column coded once."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._coded: dict[str, tuple[Places, Words]] = {}

    def __len__(self) -> int:
        return len(self._frame)

    def codes(self, name: str) -> tuple[Places, Words]:
        """Return what `category_codes` returns of a column."""
        if name not in self._coded:
            self._coded[name] = category_codes(self._frame, name)
        return self._coded[name]

    def places(self, name: str, categories: Sequence[str], *, other: int, missing: float) -> Vector:
        """Return what `category_places` returns of a column."""
        return _places(*self.codes(name), categories, other=other, missing=missing)


def numbers(frame: pd.DataFrame, name: str, *, copy: bool = True) -> Vector:
    """Return a column as float64, missing as NaN.

    Parameters
    ----------
    copy
        Whether it will be written to; otherwise it may be the frame's own.

    Raises
    ------
    DataError
        If the column is missing or holds text.
    """
    column = _column(frame, name)
    if not copy and column.dtype == np.float64:
        return column.to_numpy()
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    except (TypeError, ValueError):
        text = column[pd.to_numeric(column, errors="coerce").isna() & column.notna()]
        got = repr(text.iloc[0]) if len(text) else str(column.dtype)
        raise DataError(f"column {name!r} must hold numbers, got {got:.80}") from None


def category_codes(frame: pd.DataFrame, name: str) -> tuple[Places, Words]:
    """Return a code per row, -1 for missing, and the distinct categories as strings.

    Raises
    ------
    DataError
        If the column is missing.
    """
    codes, values = pd.factorize(_column(frame, name))
    # 6 and 6.0 are one category: a missing value elsewhere turns whole numbers into floats.
    words = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in values]
    again, distinct = pd.factorize(np.asarray(words, dtype=object))
    return np.append(again, -1)[codes].astype(np.int64), np.asarray(distinct, dtype=object)


def category_places(
    frame: pd.DataFrame, name: str, categories: Sequence[str], *, other: int, missing: float
) -> Vector:
    """Return for each row which of the categories it has, counted from 0.

    Parameters
    ----------
    frame, name
        The column.
    categories
        Those that are counted.
    other, missing
        What a row gets with another category, and with none.

    Raises
    ------
    DataError
        If the column is missing.
    """
    return _places(*category_codes(frame, name), categories, other=other, missing=missing)


def _places(
    codes: Places, values: Words, categories: Sequence[str], *, other: int, missing: float
) -> Vector:
    places = pd.Index(np.asarray(categories, dtype=object)).get_indexer(pd.Index(values))
    # The last place is for the code of a missing value, -1.
    return np.append(np.where(places < 0, other, places), float(missing))[codes]


class Frequent(NamedTuple):
    """The categories of a training column.

    Parameters
    ----------
    kept
        The most frequent ones first.
    merged
        `hashes` of all others, sorted.
    with_missing
        Whether a row had none.
    """

    kept: list[str]
    merged: NDArray[np.uint64]
    with_missing: bool


def frequent_categories(frame: pd.DataFrame, name: str, most: int) -> Frequent:
    """Return the most frequent categories of a column, and the hashes of the others.

    Raises
    ------
    DataError
        If the column is missing.
    """
    codes, values = category_codes(frame, name)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    # Equal counts by name: the order of the rows does not matter.
    order = np.lexsort((values.astype(str), -counts))
    rest = np.sort(hashes(values[order[most:]]))
    return Frequent(list(values[order[:most]]), rest, bool((codes < 0).any()))


def distinct_names(names: Sequence[str], sources: Sequence[str]) -> list[str]:
    """Return unique names: a derived one that is taken gets underscores at its end.

    Parameters
    ----------
    names
        Of columns derived from a frame's columns. One that equals its source stays.
    sources
        The frame's column that each one comes from. No other column gets one of these names.
    """
    taken = set(sources)
    distinct = []
    for name, source in zip(names, sources, strict=True):
        own = name
        while own in taken and name != source:
            own += "_"
        taken.add(own)
        distinct.append(own)
    return distinct


def _column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    try:
        return frame[name]
    except KeyError:
        raise DataError(f"column {name!r} is missing") from None


def hashes(values: Words) -> NDArray[np.uint64]:
    """Return a number per category, the same in every process."""
    return np.asarray(pd.util.hash_array(values, categorize=False), dtype=np.uint64)

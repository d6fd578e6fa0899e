"""Whether a column is numbers, by all of its values, and what is odd about that."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddwire.traffic.sources.conventions import LIKE_A_CATEGORY
from oddwire.traffic.sources.reading.values.number_texts import (
    Flags,
    Floats,
    any_numbers,
    distinct,
    parse_texts,
    plainly_numbers,
)
from oddwire.traffic.sources.reading.values.plain_types import is_number_type
from oddwire.traffic.sources.reading.values.spelling import PLAIN, Spelling

NUMERIC_SHARE = 0.95  # of the non-missing values of a column, for it to count as numeric
MOSTLY = 0.5
# Words of a batch that are no numbers and are kept, to show the most frequent one.
_MOST_WORDS, _LONGEST_WORD = 100, 100
_SAMPLE = 10_000  # distinct ones of a batch are looked at for what they could be
# Numbers for people: 1,5  1.234,5  12,345.6  1.4 M  95 %  0x1f
_FOR_PEOPLE = (
    r"(?i)^[+-]?(\d+([.,]\d+)?|\d{1,3}(,\d{3})+(\.\d+)?|\d{1,3}([.' ]\d{3})+(,\d+)?)"
    r"\s?([kmgt]i?b?|bytes|b|%|[mun]?s|sec|min)?$|^0x[0-9a-f]+$"
)
_DECIMAL_COMMA = r"^[+-]?\d+,\d+$|^[+-]?\d{1,3}(\.\d{3})+,\d+$"

Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass
class NumericShare:
    """How many of a column's values are numbers, counted batch by batch.

    Parameters
    ----------
    spelling
        How they are written.
    """

    spelling: Spelling = PLAIN
    known: int = 0
    strange: int = 0
    for_people: float = 0.0
    decimal_commas: bool = False
    like_a_category: int = 0
    _rows: int = 0
    _other_type: bool = False
    _words: Counter[str] = field(default_factory=Counter)
    _taken: Counter[str] = field(default_factory=Counter)

    def add(self, column: pa.ChunkedArray) -> None:
        """Count further values: text (CSV) or any other plain type (Parquet)."""
        self._rows += len(column)
        if is_number_type(column.type):
            self.known += _known(any_numbers(column, self.spelling))
        elif not pa.types.is_string(column.type):
            self._other_type = True
        elif (values := plainly_numbers(column, self.spelling)) is not None:
            self.known += _known(values)
        else:
            self._add_texts(column)

    def _add_texts(self, column: pa.ChunkedArray) -> None:
        places, texts = distinct(column)
        values, strange = parse_texts(texts, self.spelling)
        counts = np.bincount(places[places >= 0], minlength=len(texts))
        self.strange += int(counts[strange].sum())
        self.known += int(counts[strange | ~np.isnan(values)].sum())
        for place in np.flatnonzero(~strange & np.isnan(values)).tolist():  # a few words
            if (word := texts[place].as_py()).casefold() in LIKE_A_CATEGORY:
                self.like_a_category += int(counts[place])
                self._taken[word] += int(counts[place])
        odd = np.flatnonzero(strange)
        if len(odd):
            self._add_strange(texts.take(pa.array(odd)), counts[odd])

    def _add_strange(self, texts: pa.Array, counts: Counts) -> None:
        some, share = texts.slice(0, _SAMPLE), counts[:_SAMPLE].sum() / counts.sum()
        people = _flags(pc.match_substring_regex(some, _FOR_PEOPLE))
        self.for_people += counts[:_SAMPLE][people].sum() / share
        if people.any():
            commas = _flags(pc.match_substring_regex(some, _DECIMAL_COMMA))
            self.decimal_commas |= bool(commas.any())
        most = np.arange(len(counts))
        if len(counts) > _MOST_WORDS:
            most = np.argpartition(-counts, _MOST_WORDS)[:_MOST_WORDS]
        cut = pc.utf8_slice_codeunits(texts.take(pa.array(most)), 0, _LONGEST_WORD)
        for word, count in zip(cut.to_pylist(), counts[most].tolist(), strict=True):
            self._words[word] += count
        if len(self._words) > 10 * _MOST_WORDS:
            self._words = Counter(dict(self._words.most_common(_MOST_WORDS)))

    @property
    def is_empty(self) -> bool:
        """Whether there is no value at all, and so nothing that tells a type."""
        return not self.known and not self._other_type

    @property
    def is_numeric(self) -> bool:
        """Whether at least 95 % of the non-missing values are numbers."""
        return not self._other_type and self.strange <= (1 - NUMERIC_SHARE) * self.known

    @property
    def is_nearly_numeric(self) -> bool:
        """Whether it is not, and yet most of its values are numbers, or numbers for people."""
        if self._other_type or self.is_numeric:
            return False
        return self.known - self.strange + self.for_people > MOSTLY * self.known

    @property
    def is_nearly_text(self) -> bool:
        """Whether it is numeric, and yet most of its rows hold a word that is taken as missing."""
        return self.is_numeric and self.like_a_category > MOSTLY * self._rows

    @property
    def example(self) -> str | None:
        """The most frequent value that is no number, or a word for missing if there is none."""
        found = (self._words or self._taken).most_common(1)
        return found[0][0] if found else None


def _known(values: Floats) -> int:
    return int(np.count_nonzero(~np.isnan(values)))


def _flags(column: pa.Array) -> Flags:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)

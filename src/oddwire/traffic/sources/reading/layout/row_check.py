"""Rows of a CSV file that are none: swallowed by a quote, of another length, or a header again."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from oddwire.errors import DataError, short_repr
from oddwire.traffic.sources.reading.layout.csv_layout import MOST_OF_A_ROW, CsvLayout
from oddwire.traffic.sources.reading.layout.opening import one_line

MOST_LINES_INSIDE = 10  # of a file may be inside quoted values
_LINE_END, _LINE_ENDS = r"\r\n|\r|\n", r"[\r\n]+"
_TOO_LONG = "a row must not be longer than 1 MB; is a quote never closed?"
_FEWEST_COLUMNS = 3  # of a table whose rows can be told from text with commas


@dataclass
class RowCheck:
    """Looks at a file's columns, piece by piece in the file's order, while they are read.

    A quote that stands alone makes everything up to the next one a single value: rows are gone, and
    nothing fails. So a value with line ends is refused when it holds whole rows, by the number of
    separators in it, and all of them together when more than ten lines are inside values.

    Parameters
    ----------
    file, layout
        The file.
    names
        The names of all its columns.
    """

    file: Path
    layout: CsvLayout
    names: tuple[str, ...]
    _row: int = 0
    _lines: int = 0
    _first: int | None = None

    def look(self, columns: Iterable[tuple[int, pa.Array]], rows: int) -> None:
        """Look at the columns, by their places, of further rows.

        Raises
        ------
        DataError
            Naming the line of the first row that is none.
        """
        here = list(columns)
        self._refuse_header_again(here)
        for at, column in here:
            if _has_line_end(column):
                self._refuse_swallowed(at, column)
        if self._lines > MOST_LINES_INSIDE:
            raise DataError(
                f"{self._place(self._first)}: a value in quotes goes on over the end of its line,"
                f" and at most {MOST_LINES_INSIDE} line ends of a file may be inside values, got"
                f' {self._lines:,} or more; is a quote (") never closed? If they are meant, write'
                " the values without them"
            )
        self._row += rows

    def _refuse_swallowed(self, at: int, column: pa.Array) -> None:
        ends = pc.fill_null(pc.count_substring_regex(column, _LINE_END), 0)
        spanning = pc.indices_nonzero(ends)
        self._lines += pc.sum(ends).as_py()
        if not len(spanning):
            return
        first = self._row + spanning[0].as_py()
        self._first = first if self._first is None else min(first, self._first)
        if len(self.names) < _FEWEST_COLUMNS:
            return
        # Without the last line end: an unclosed quote goes on to the end of the file.
        values = pc.ascii_rtrim(pc.take(column, spanning), "\r\n")
        apart = pc.count_substring(values, self.layout.separator)
        held = pc.multiply(pc.count_substring_regex(values, _LINE_ENDS), len(self.names) - 1)
        whole = pc.indices_nonzero(pc.and_(pc.greater(held, 0), pc.greater_equal(apart, held)))
        if len(whole):
            place = spanning[whole[0].as_py()].as_py()
            raise DataError(
                f"{self._place(self._row + place)}, column {short_repr(self.names[at])}: the value"
                f" {short_repr(column[place].as_py())} holds whole rows of the table; is a quote"
                ' (") never closed?'
            )

    def _refuse_header_again(self, columns: list[tuple[int, pa.Array]]) -> None:
        header = self.layout.header
        if not header or not columns:
            return
        rows: pa.Array | None = None
        for at, column in columns:
            if rows is None:
                rows = pc.indices_nonzero(pc.equal(column, header[at]))
            else:
                rows = rows.filter(pc.equal(pc.take(column, rows), header[at]))
            if not len(rows):
                return
        # A value that is called like its only column is no header.
        if len(columns) > 1 and rows is not None:
            raise DataError(
                f"{self._place(self._row + rows[0].as_py())} is the header once more; are these"
                " several files in one? Take the line out"
            )

    def _place(self, row: int | None) -> str:
        return f"{self.file}, {place_of(self.file, self.layout, row or 0)}"


def place_of(file: Path, layout: CsvLayout, row: int) -> str:
    """Name the line of a row, counted from 0 below the header."""
    with suppress(csv.Error):  # a value that is too long for Python's reader
        for at, (line, _) in enumerate(layout.rows(file)):
            if at == row:
                return f"line {line}"
    return f"row {row + 1}"


def _has_line_end(column: pa.Array) -> bool:
    """Whether a value has a line end; columns are as read, so that all bytes are of values."""
    values = column.buffers()[2]
    if values is None:
        return False
    content = values.to_pybytes()  # which is searched many times faster than value by value
    return b"\n" in content or b"\r" in content


def raise_ragged(file: Path, layout: CsvLayout, columns: int, error: Exception) -> NoReturn:
    """Find the row that has too few or too many values, and name its line.

    Raises
    ------
    DataError
        Always.
    """
    too_long = "straddling" in str(error)
    line = None
    try:
        for line, values in layout.rows(file):
            if len(values) != columns:
                raise DataError(f"{file}, line {line}: {_other_length(columns, values)}") from None
            if sum(map(len, values)) > MOST_OF_A_ROW:
                raise DataError(f"{file}, line {line}: {_TOO_LONG}") from None
    except csv.Error:  # a value alone is longer than that
        too_long = True
    except UnicodeDecodeError:
        pass  # the parser's own words have to do
    if too_long:
        after = "" if line is None else f", after line {line}"
        raise DataError(f"{file}{after}: {_TOO_LONG}") from None
    if line is None:
        raise DataError(f"{file} has a header but no rows") from None
    raise DataError(f"{file} cannot be read as CSV: {one_line(error)}") from None


def _other_length(columns: int, values: list[str]) -> str:
    words = f"expected {columns} value{'' if columns == 1 else 's'}, got {len(values)}"
    if columns == 1:
        return f"{words}; is the first line a title, and no header? Take it out"
    if any("\n" in value or "\r" in value for value in values):
        return f'{words}, one of them over several lines; is a quote (") never closed?'
    return words

"""Whether the first row of a file holds names: a file without a header would lose a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from oddwire.errors import DataError, short_repr

# What no column is called: a number, an address, a date or time.
_VALUE = re.compile(
    r"[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?|[+-]?(inf(inity)?|nan)|0x[0-9a-f]+"
    r"|\d{1,3}(\.\d{1,3}){3}(/\d+)?|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}"
    r"|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ t]\d.*)?|\d{1,2}:\d{2}(:\d{2}.*)?",
    re.IGNORECASE | re.ASCII,
)


_FEWEST_AGAIN = 3  # rows that repeat a name


def refuse_values_as_names(file: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Refuse a header that is the first row of values.

    That it is one is told by a name that is a number, an address or a time; by a name that is the
    value of its column in at least half of the first rows; or by names of which at least half, and
    two, are values of their columns at all. Numbers from 0 on, as pandas writes them for columns
    without names, are names.

    Parameters
    ----------
    rows
        The first rows below.

    Raises
    ------
    DataError
        Naming what cannot be a name.
    """
    if any(_same(names, row) for row in rows):  # a header once more, which is told by its line
        rows = []
    again = {name: count for at, name in enumerate(names) if (count := _again(name, at, rows))}
    values = [name for name in names if _VALUE.fullmatch(name)]
    if values == [str(number) for number in range(len(values))] and not again:
        values = []
    often = max(_FEWEST_AGAIN, len(rows) / 2)
    values += [name for name, count in again.items() if count >= often]
    values += [*again] if len(again) >= max(2, len(names) / 2) else []
    if values:
        raise DataError(
            f"{file} has no header: its first row holds the value {short_repr(values[0])}; put a"
            " line with the names of its columns above it"
        )


def _again(name: str, at: int, rows: Sequence[Sequence[str]]) -> int:
    """Count the rows that have a column's name as its value; numbers are told apart otherwise."""
    if not name or name.isdigit():
        return 0
    return sum(at < len(row) and row[at].strip() == name for row in rows)


def _same(names: Sequence[str], row: Sequence[str]) -> bool:
    return [value.strip() for value in row] == list(names)

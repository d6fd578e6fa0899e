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


def refuse_values_as_names(file: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Refuse a header that is the first row of values.

    That it is one is told by names that are numbers, addresses or times, or by names of which at
    least half, and two, are also values of their own columns. Numbers from 0 on, as pandas writes
    them for columns without names, are names.

    Parameters
    ----------
    rows
        The first rows below.

    Raises
    ------
    DataError
        Naming what cannot be a name.
    """
    values = [(at, name) for at, name in enumerate(names) if _VALUE.fullmatch(name)]
    counted = [name for _, name in values] == [str(number) for number in range(len(values))]
    again = [name for at, name in enumerate(names) if _recurs(name, at, rows)]
    told = [] if counted and not again else [name for _, name in values]
    if not told and len(again) >= max(2, len(names) / 2):
        told = again
    # The same row once more is a repeated header, which is told by its line.
    if told and (values or not any(_same(names, row) for row in rows)):
        raise DataError(
            f"{file} has no header: its first row holds the value {short_repr(told[0])}; put a"
            " line with the names of its columns above it"
        )


def _recurs(name: str, at: int, rows: Sequence[Sequence[str]]) -> bool:
    if not name or name.isdigit():
        return False
    return any(at < len(row) and row[at].strip() == name for row in rows)


def _same(names: Sequence[str], row: Sequence[str]) -> bool:
    return len(row) == len(names) and all(
        value.strip() == name for value, name in zip(row, names, strict=True)
    )

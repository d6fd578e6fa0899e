"""A CSV or Parquet file → a table of its columns as they stand, with errors that name the place.

CSV values stay text here; `column_values` gives them a meaning. Parquet and compression are known
by the first bytes of a file, not by its name.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from oddwire.errors import DataError
from oddwire.traffic.sources.reading.layout.csv_layout import CsvLayout, csv_layout, csv_options
from oddwire.traffic.sources.reading.layout.opening import damage_named, is_parquet, open_bytes
from oddwire.traffic.sources.reading.layout.row_check import RowCheck, place_of, raise_ragged
from oddwire.traffic.sources.reading.values.plain_types import plain
from oddwire.traffic.sources.reading.values.spelling import PLAIN, Spelling


@dataclass(frozen=True)
class RawTable:
    """The columns of one file as they stand in it.

    Parameters
    ----------
    file
        The file, for messages.
    content
        Its columns; all are text when they come from a CSV file. Names may repeat.
    layout
        How to find a row's line again; None for Parquet, which has no lines.
    first_row
        Which row of the file the first one is, counted from 0.
    spelling
        How its values are written, as far as its source says so.
    """

    file: Path
    content: pa.Table
    layout: CsvLayout | None = None
    first_row: int = 0
    spelling: Spelling = PLAIN

    @cached_property  # it is asked for once per column, of which there may be a thousand
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.content.column_names)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return the one column of that name, of a plain type however Parquet stores it.

        Raises
        ------
        DataError
            If it holds bytes that are no text.
        """
        return plain(self.content.column(self.names.index(name)), name, self.file)

    def frame(self) -> pd.DataFrame:
        """Return the columns as they stand; of a name that repeats, the later ones get a number.

        Those of a Parquet file keep their types, all of a CSV file are text.
        """
        content = self.content
        for at, kind in enumerate(content.schema.types):
            if pa.types.is_dictionary(kind):  # pandas could not read the type back by its name
                plain = content.column(at).cast(kind.value_type)
                content = content.set_column(at, content.field(at).with_type(plain.type), plain)
        frame: pd.DataFrame = content.to_pandas(types_mapper=pd.ArrowDtype)
        names: list[str] = []
        for name in self.names:
            names.append(free_name(name, {*names, *self.names}) if name in names else name)
        return frame.set_axis(names, axis=1)

    def place(self, row: int) -> str:
        """Name the place of a row (counted from 0) in the file: its line in a CSV file."""
        in_file = self.first_row + row
        if self.layout is None:
            return f"row {in_file + 1}"
        return place_of(self.file, self.layout, in_file)


def read_raw(
    file: Path,
    *,
    names: Sequence[str] | None = None,
    optional: int = 0,
    spelling: Spelling = PLAIN,
) -> RawTable:
    """Read a CSV or Parquet file, compressed by gzip or not.

    Parameters
    ----------
    file
        The file. Its separator (comma, semicolon, tab, bar or single spaces) is taken from its
        first line.
    names
        The columns of a file that has no header.
    optional
        How many of the last names such a file may do without.
    spelling
        As of `RawTable`.

    Raises
    ------
    DataError
        If the file is missing, is no file, is empty, has no rows, is neither CSV nor Parquet, is
        damaged, or has rows that are none: swallowed by a quote, of another length, or the header.
    """
    raw = _read_parquet(file) if is_parquet(file) else _read_csv(file, names, optional)
    raw = replace(raw, spelling=spelling)
    if raw.content.num_rows == 0:
        raise DataError(f"{file} has a header but no rows")
    return raw


def _read_parquet(file: Path) -> RawTable:
    try:
        with damage_named(file):
            content = pa.parquet.read_table(open_bytes(file, zipped=False))
    except pa.ArrowException as error:
        raise DataError(f"{file} is a damaged Parquet file") from error
    content = content.select(kept_columns(content.column_names)).replace_schema_metadata(None)
    return RawTable(file, content.rename_columns([name.strip() for name in content.column_names]))


def kept_columns(names: Sequence[str]) -> list[int]:
    """Return the places of a Parquet file's columns, without what only numbers the rows."""
    # pandas stores an index worth keeping as a column of such a name.
    return [at for at, name in enumerate(names) if not name.startswith("__index_level_")]


def _read_csv(file: Path, names: Sequence[str] | None, optional: int) -> RawTable:
    layout, columns = csv_layout(file, names, optional)
    content = _parse(file, layout, columns)
    if content is None:  # no UTF-8: published traffic tables hold a few Windows characters
        layout = replace(layout, encoding="latin-1")
        content = _parse(file, layout, columns)
    if content is None:
        raise DataError(f"{file} is not text")
    return RawTable(file, content.rename_columns(columns), layout)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, or the name with the first number that nothing has."""
    candidates = itertools.chain([name], (f"{name}.{number}" for number in itertools.count(1)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _parse(file: Path, layout: CsvLayout, columns: Sequence[str]) -> pa.Table | None:
    """Read all values as text; None when they are not in the layout's encoding."""
    try:
        with damage_named(file), open_bytes(file, zipped=layout.zipped) as stream:
            content = pa.csv.read_csv(stream, **csv_options(layout, len(columns)))
    except pa.ArrowInvalid as error:
        if "invalid UTF8" in str(error):
            return None
        raise_ragged(file, layout, len(columns), error)
    check = RowCheck(file, layout, tuple(columns))
    for batch in content.to_batches():
        check.look(enumerate(batch.columns), batch.num_rows)
    return content

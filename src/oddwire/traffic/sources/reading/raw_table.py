"""A CSV or Parquet file → a table of its columns as they stand, with errors that name the place.

CSV values stay text here; `column_values` gives them a meaning. Parquet and compression are known
by the first bytes of a file, not by its name.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import os
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, TextIO

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from oddwire.errors import DataError
from oddwire.params.values.paths import file_fault
from oddwire.traffic.sources.reading.other_formats import refuse_other_formats
from oddwire.traffic.wire_text import shown_path

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
_SEPARATORS = ",;\t|"
_SAMPLE_BYTES = 1 << 16
MOST_OF_A_ROW = 1 << 20  # bytes: what pyarrow reads at once


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
    """

    file: Path
    content: pa.Table
    layout: CsvLayout | None = None
    first_row: int = 0

    @cached_property  # it is asked for once per column, of which there may be a thousand
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.content.column_names)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return the one column of that name."""
        return self.content.column(self.names.index(name))

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
        with suppress(csv.Error):  # a value that is too long for Python's reader
            for at, (line, _) in enumerate(self.layout.rows(self.file)):
                if at == in_file:
                    return f"line {line}"
        return f"row {in_file + 1}"


@dataclass(frozen=True)
class CsvLayout:
    """How a CSV file is written."""

    separator: str
    encoding: str
    zipped: bool
    header_lines: int

    def rows(self, file: Path) -> Iterator[tuple[int, list[str]]]:
        """Yield line number and values of each row below the header, blank lines left out.

        Slow next to `pyarrow`: it serves the wording of errors.
        """
        with _open_text(file, encoding=self.encoding, zipped=self.zipped) as lines:
            for _ in range(self.header_lines):
                lines.readline()
            csv.field_size_limit(MOST_OF_A_ROW)
            reader = csv.reader(lines, delimiter=self.separator)
            for values in reader:
                if values:
                    yield self.header_lines + reader.line_num, values


def read_raw(file: Path, *, names: Sequence[str] | None = None, optional: int = 0) -> RawTable:
    """Read a CSV or Parquet file, compressed by gzip or not.

    Parameters
    ----------
    file
        The file. Its separator (comma, semicolon, tab or bar) is taken from its first line.
    names
        The columns of a file that has no header.
    optional
        How many of the last names such a file may do without.

    Raises
    ------
    DataError
        If the file is missing, is no file, is empty, has no rows, is neither CSV nor Parquet, is
        damaged, or has rows of differing length.
    """
    raw = _read_parquet(file) if is_parquet(file) else _read_csv(file, names, optional)
    if raw.content.num_rows == 0:
        raise DataError(f"{file} has a header but no rows")
    return raw


def is_parquet(file: Path) -> bool:
    """Return whether a file is Parquet by its first bytes.

    Raises
    ------
    DataError
        If it is missing, empty, or no file that ends.
    """
    return first_bytes(file).startswith(PARQUET)


def first_bytes(file: Path) -> bytes:
    """Return the first few bytes of a file, which tell what it is.

    Raises
    ------
    DataError
        If it is missing, empty, or no file that ends.
    """
    if (fault := file_fault(file)) is not None:
        raise DataError(f"{shown_path(file)} {fault}")
    with damage_named(file), file.open("rb") as stream:
        start = stream.read(len(PARQUET))
    if not start:
        raise DataError(f"{file} is empty")
    return start


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
    content = _parse(file, layout, len(columns))
    if content is None:  # no UTF-8: published traffic tables hold a few Windows characters
        layout = replace(layout, encoding="latin-1")
        content = _parse(file, layout, len(columns))
    if content is None:
        raise DataError(f"{file} is not text")
    return RawTable(file, content.rename_columns(columns), layout)


def csv_layout(
    file: Path, names: Sequence[str] | None, optional: int
) -> tuple[CsvLayout, list[str]]:
    """Find out how a CSV file is written, and its columns' names; parameters as of `read_raw`."""
    zipped = first_bytes(file).startswith(GZIP)
    layout, first = _sniff(file, zipped=zipped)
    if names is None:
        # A column without a name is called as pandas calls it.
        columns = [name.strip() or f"Unnamed: {at}" for at, name in enumerate(first)]
    else:
        layout = replace(layout, header_lines=0)
        columns = list(names[: max(len(first), len(names) - optional)])
    return layout, columns


def _sniff(file: Path, *, zipped: bool) -> tuple[CsvLayout, list[str]]:
    with damage_named(file), open_bytes(file, zipped=zipped) as stream:
        sample = stream.read(_SAMPLE_BYTES)
    first = refuse_other_formats(file, sample)
    return _read_first(file, _separator(first), zipped=zipped)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, or the name with the first number that nothing has."""
    candidates = itertools.chain([name], (f"{name}.{number}" for number in itertools.count(1)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _separator(line: bytes) -> str:
    """Choose the separator that divides the first line most often, quoted parts left out."""
    bare = b"".join(line.split(b'"')[::2]).decode("latin-1")  # which reads any bytes
    best = max(_SEPARATORS, key=bare.count)  # the first of equals: the comma
    return best if best in bare else ","


def _read_first(file: Path, separator: str, *, zipped: bool) -> tuple[CsvLayout, list[str]]:
    for encoding in ("utf-8-sig", "latin-1"):
        try:
            with _open_text(file, encoding=encoding, zipped=zipped) as lines:
                reader = csv.reader(lines, delimiter=separator)
                first = next((values for values in reader if any(map(str.strip, values))), [])
        except UnicodeDecodeError:
            continue
        except csv.Error as error:
            raise DataError(f"{file} has no readable header: {error}") from None
        return CsvLayout(separator, "utf-8-sig", zipped, reader.line_num), first
    raise DataError(f"{file} is not text")


def _parse(file: Path, layout: CsvLayout, columns: int) -> pa.Table | None:
    """Read all values as text; None when they are not in the layout's encoding."""
    try:
        with damage_named(file), open_bytes(file, zipped=layout.zipped) as stream:
            return pa.csv.read_csv(stream, **csv_options(layout, columns))
    except pa.ArrowInvalid as error:
        if "invalid UTF8" in str(error):
            return None
        raise_ragged(file, layout, columns, error)


def csv_options(
    layout: CsvLayout, columns: int, chosen: Collection[int] | None = None
) -> dict[str, Any]:
    """Return pyarrow's options: so many columns of text, of which those at some places are read."""
    names = [str(at) for at in range(columns)]
    encoding = "utf8" if layout.encoding.startswith("utf-8") else layout.encoding
    return {
        "read_options": pa.csv.ReadOptions(
            column_names=names, skip_rows=layout.header_lines, encoding=encoding
        ),
        "parse_options": pa.csv.ParseOptions(delimiter=layout.separator, newlines_in_values=True),
        "convert_options": pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=None if chosen is None else [names[at] for at in chosen],
        ),
    }


def raise_ragged(file: Path, layout: CsvLayout, columns: int, error: Exception) -> NoReturn:
    """Find the row that has too few or too many values, and name its line.

    Raises
    ------
    DataError
        Always.
    """
    line = None
    if "straddling" in str(error):
        raise DataError(
            f"{file}: a row must not be longer than 1 MB; is a quote never closed?"
        ) from None
    try:
        for line, values in layout.rows(file):
            if len(values) != columns:
                raise DataError(
                    f"{file}, line {line}: expected {columns} values, got {len(values)}"
                ) from None
        if line is None:
            raise DataError(f"{file} has a header but no rows") from None
    except (csv.Error, UnicodeDecodeError):
        pass  # the parser's own words have to do
    raise DataError(f"{file} cannot be read as CSV: {_one_line(error)}") from None


@contextmanager
def damage_named(file: Path) -> Iterator[None]:
    """Turn an error of the system or of unpacking into one line that names the file.

    Raises
    ------
    DataError
        In its place.
    """
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{file} does not exist") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or _one_line(error)
        raise DataError(f"{file} cannot be read: {reason}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def open_bytes(file: Path, *, zipped: bool) -> Any:
    """Open a file for `pyarrow`, unpacked."""
    stream = pa.OSFile(os.fsencode(file), "rb")  # of a name that is no text either
    return pa.CompressedInputStream(stream, "gzip") if zipped else stream


def _open_text(file: Path, *, encoding: str, zipped: bool) -> TextIO:
    if not zipped:
        return file.open(encoding=encoding, newline="")
    return io.TextIOWrapper(gzip.open(file), encoding=encoding, newline="")

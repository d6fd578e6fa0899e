"""A CSV or Parquet file that is read batch by batch, as often as it is asked for.

What is true of the whole file, such as its encoding, is found out before the first batch, so that
the batches laid end to end are the table that `read_raw` returns, whatever their size.
"""

from __future__ import annotations

import codecs
import gzip
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from oddwire.errors import DataError, short_repr
from oddwire.traffic.sources.logs.refusals import Refusals
from oddwire.traffic.sources.reading.layout.csv_layout import CsvLayout, csv_layout, csv_options
from oddwire.traffic.sources.reading.layout.opening import damage_named, is_parquet, open_bytes
from oddwire.traffic.sources.reading.layout.row_check import RowCheck, raise_ragged
from oddwire.traffic.sources.reading.raw_table import RawTable, kept_columns, read_raw
from oddwire.traffic.sources.reading.values.spelling import PLAIN, Spelling

_COLUMNS = 100  # of a file with more, a batch has fewer rows
_FEWEST_ROWS = 1_000
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class RawFile:
    """The columns of one file as they stand in it.

    Parameters
    ----------
    file, layout, spelling
        As of `RawTable`.
    names
        The names of the columns, in order.
    rows
        At most so many are read at once.
    whole
        All of the file, where it has no more rows than that: it is read once.
    refused
        Of a log, the lines refused when it was last read; None of a table, which is read as a whole
        or not at all.
    """

    file: Path
    names: tuple[str, ...]
    layout: CsvLayout | None
    rows: int
    whole: RawTable | None = None
    refused: Refusals | None = None
    spelling: Spelling = PLAIN

    @cached_property
    def _stamp(self) -> tuple[int, int]:
        return _stamp(self.file)

    def batches(self, chosen: Sequence[str] | None = None) -> Iterator[RawTable]:
        """Yield the file's rows in order, `rows` of them at a time.

        Parameters
        ----------
        chosen
            Columns that are enough; more may come. Of a name that repeats, the first.

        Raises
        ------
        DataError
            If the file is damaged, has rows of differing length, or has changed meanwhile.
        """
        if self.whole is not None:
            yield self.whole
            return
        self.check_unchanged()
        places: Sequence[int] = range(len(self.names))
        if chosen is not None:
            places = [self.names.index(name) for name in chosen]
        names = [self.names[place] for place in places]
        first = 0
        for content in _cut(self._tables(places), self._sizes()):
            yield RawTable(
                self.file, content.rename_columns(names), self.layout, first, self.spelling
            )
            first += content.num_rows

    def check_unchanged(self) -> None:
        """Refuse a file that is no longer what it was when it was first read.

        Raises
        ------
        DataError
            If it has changed meanwhile.
        """
        if _stamp(self.file) != self._stamp:
            raise DataError(f"{self.file} was changed while it was read; try again")

    def _sizes(self) -> Iterator[int]:
        """Return how many rows each batch has; the last has what is left."""
        return itertools.repeat(self.rows)

    def _tables(self, places: Sequence[int]) -> Iterator[pa.Table]:
        """Read the columns at some places, some rows at a time."""
        return self._of_parquet(places) if self.layout is None else self._of_csv(places)

    def _of_parquet(self, places: Sequence[int]) -> Iterator[pa.Table]:
        try:
            with damage_named(self.file), pa.parquet.ParquetFile(self.file) as content:
                names = content.schema_arrow.names
                kept = kept_columns(names)
                wanted = [names[kept[place]] for place in places]
                for batch in content.iter_batches(self.rows, columns=wanted):
                    yield pa.Table.from_batches([batch]).select(wanted)
        except pa.ArrowException as error:
            raise DataError(f"{self.file} is a damaged Parquet file") from error

    def _of_csv(self, places: Sequence[int]) -> Iterator[pa.Table]:
        assert self.layout is not None  # noqa: S101 - what `batches` has seen
        options = csv_options(self.layout, len(self.names), places)
        check = RowCheck(self.file, self.layout, self.names)
        try:
            with (
                damage_named(self.file),
                open_bytes(self.file, zipped=self.layout.zipped) as stream,
                pa.csv.open_csv(stream, **options) as reader,
            ):
                for batch in reader:
                    check.look(zip(places, batch.columns, strict=True), batch.num_rows)
                    yield pa.Table.from_batches([batch])
        except pa.ArrowInvalid as error:
            raise_ragged(self.file, self.layout, len(self.names), error)


def open_raw(
    file: Path,
    *,
    names: Sequence[str] | None = None,
    optional: int = 0,
    rows: int | None = None,
    spelling: Spelling = PLAIN,
) -> RawFile:
    """Open a CSV or Parquet file, compressed by gzip or not.

    Parameters
    ----------
    file, names, optional, spelling
        As for `read_raw`.
    rows
        At most so many are read at once, fewer where there are many columns; None for all.

    Raises
    ------
    DataError
        As by `read_raw`; damage beyond the first batch shows when it is read.
    """
    if rows is None:
        return _whole(read_raw(file, names=names, optional=optional, spelling=spelling))
    if is_parquet(file):
        opened = _open_parquet(file, rows)
    else:
        layout, columns = csv_layout(file, names, optional)
        if not _is_utf8(file, layout):
            layout = replace(layout, encoding="latin-1")
        opened = RawFile(file, tuple(columns), layout, _fewer(rows, len(columns)))
    if _is_short(opened):
        return _whole(read_raw(file, names=names, optional=optional, spelling=spelling))
    return replace(opened, spelling=spelling)


def _whole(raw: RawTable) -> RawFile:
    return RawFile(
        raw.file, raw.names, raw.layout, raw.content.num_rows, raw, spelling=raw.spelling
    )


def _open_parquet(file: Path, rows: int) -> RawFile:
    try:
        with damage_named(file), pa.parquet.ParquetFile(file) as content:
            names = content.schema_arrow.names
    except pa.ArrowException as error:
        raise DataError(f"{file} is a damaged Parquet file") from error
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{file}: column names must differ, got {short_repr(twice[0])} twice")
    own = [names[place].strip() for place in kept_columns(names)]
    return RawFile(file, tuple(own), None, _fewer(rows, len(own)))


def _is_short(opened: RawFile) -> bool:
    """Return whether one batch holds all rows."""
    if opened.layout is None:
        return bool(pa.parquet.read_metadata(opened.file).num_rows <= opened.rows)
    batches = opened.batches(opened.names[:1])
    next(batches, None)
    return next(batches, None) is None


def _fewer(rows: int, columns: int) -> int:
    if columns <= _COLUMNS:
        return rows
    return max(min(rows, _FEWEST_ROWS), rows * _COLUMNS // columns)


def _stamp(file: Path) -> tuple[int, int]:
    with damage_named(file):
        found = file.stat()
    return found.st_size, found.st_mtime_ns


def _is_utf8(file: Path, layout: CsvLayout) -> bool:
    """Return whether all rows are UTF-8, as the whole file is read in one encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with damage_named(file), gzip.open(file) if layout.zipped else file.open("rb") as stream:
        for _ in range(layout.header_lines):
            stream.readline()
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _cut(tables: Iterable[pa.Table], sizes: Iterator[int]) -> Iterator[pa.Table]:
    """Cut tables anew, so that each but the last has so many rows."""
    held: list[pa.Table] = []
    count, size = 0, next(sizes)
    for table in tables:
        left = table
        while left.num_rows:
            part = left.slice(0, size - count)
            held.append(part)
            count += part.num_rows
            left = left.slice(part.num_rows)
            if count == size:
                yield pa.concat_tables(held)
                held, count, size = [], 0, next(sizes)
    if held:
        yield pa.concat_tables(held)

"""The rows of an archive, or of a period of it, in the order in which they could be known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from oddwire.errors import DataError
from oddwire.params import RowKind
from oddwire.traffic.archive.merging import Stream, in_batches, merged
from oddwire.traffic.archive.parts import BEFORE_ALL, Piece, Times, clock_column, read_pieces
from oddwire.traffic.archive.records import (
    PartRecord,
    Places,
    Records,
    damaged,
    is_of_logs,
    microseconds,
    moment,
    read_records,
)
from oddwire.traffic.archive.rows import ROWS_FILE, read_meaning
from oddwire.traffic.schema import TIME, FeatureSchema
from oddwire.traffic.unit_column import with_unit

_ROWS = 200_000
_MOMENT = dt.timedelta(microseconds=1)
_NOTHING: Places = np.empty(0, np.int64)
_NULLABLE = {
    pa.int8(): pd.Int8Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
}  # fmt: skip


@dataclass(frozen=True)
class Archive:
    """The rows of a source that the stage ``ingest`` brought in.

    A row's clock is the newest end of a connection so far; of rows without ends, their time.
    Rows of unknown time are in no period.

    Parameters
    ----------
    folder
        Where they are.
    schema
        As of `SourceRows`.
    unit
        As of `SourceBatches`.
    """

    folder: Path
    schema: FeatureSchema | None
    unit: tuple[str, ...] = ()

    @property
    def kind(self) -> RowKind:
        """As of `SourceRows`."""
        return "connections" if self.schema is None else "table"

    @property
    def has_test(self) -> bool:
        """Whether the source has an official test file."""
        return self._file("test").is_file()

    @cached_property
    def records(self) -> Records:
        """What an archive of logs has of each file; no parts for any other."""
        return read_records(self.folder)

    def rows(self, part: str) -> int:
        """Return how many rows of ``train`` or ``test`` count."""
        if part == "train" and is_of_logs(self.folder):
            return sum(map(self.records.kept, self.records.parts))
        return int(pq.read_metadata(self._file(part)).num_rows)

    def batches(
        self,
        part: str,
        *,
        rows: int,
        columns: Sequence[str] | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of ``train`` or ``test`` in order, at most so many at a time.

        Where there are none, one empty frame is yielded.

        Parameters
        ----------
        columns
            Those to read, as far as they are there, one at least; None for all, and the unit of
            connections.
        since, until
            The period: rows that are known from a moment on, and before another.

        Raises
        ------
        DataError
            If a file is damaged, or rows without times are asked for a period.
        """
        tables = (table for table, _ in self.stretches(
            part, rows=rows, columns=columns, since=since, until=until
        ))  # fmt: skip
        unit = self.unit if columns is None else ()
        there = False
        for table in in_batches(tables, rows):
            there = True
            yield with_unit(self._frame(table), unit)
        if not there:
            yield with_unit(self._frame(self._empty(part, columns)), unit)

    def read(
        self,
        part: str,
        columns: Sequence[str] | None = None,
        *,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> pd.DataFrame:
        """Return some columns of all rows of ``train`` or ``test``, or of those of a period."""
        found = self.batches(part, rows=_ROWS, columns=columns, since=since, until=until)
        return pd.concat(found, ignore_index=True)

    def known_at(self, part: str) -> pd.Series[Any] | None:
        """Return when each row of ``train`` or ``test`` could be known, None without times."""
        if not self._has_times(part):
            return None
        found = self.stretches(part, rows=_ROWS, columns=[TIME])
        clock = np.concatenate([_NOTHING, *(clock for _, clock in found)])
        return pd.Series(clock.view("datetime64[us]")).dt.tz_localize("UTC")

    def stretches(
        self,
        part: str,
        *,
        rows: int,
        columns: Sequence[str] | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Iterator[tuple[pa.Table, Times]]:
        """Yield rows as `batches` does, in tables of any size, with the clock of each row."""
        begin, end = (None if when is None else microseconds(when) for when in (since, until))
        if (begin is not None or end is not None) and not self._has_times(part):
            raise DataError(f"source {self.folder.name} has no times: there is no period of it")
        options = {"columns": columns, "since": begin, "until": end}
        try:
            for table, clock in merged(self._streams(part, options), rows=rows):
                inside = _inside(clock, begin, end)
                if inside is None:
                    yield table, clock
                elif inside.any():
                    yield table.filter(pa.array(inside)), clock[inside]
        except (pa.ArrowInvalid, OSError) as error:
            raise self._damaged(part) from error

    def newest(self, days: int) -> dt.datetime | None:
        """Return from when on the newest days of ``train`` are known, None without times."""
        first, last, now = self.first, self.last, dt.datetime.now(dt.UTC)
        if first is None or last is None:
            return None
        # A sensor whose clock is ahead would put all that others saw in the past.
        newest = min(last, now) if first <= now else last
        return newest - dt.timedelta(days=days) + _MOMENT

    @property
    def first(self) -> dt.datetime | None:
        """Known-at of the first row of ``train`` that has a time, None where none has."""
        if is_of_logs(self.folder):
            return self.records.first
        if self._has_times("train"):
            for _, clock in self.stretches("train", rows=_ROWS, columns=()):
                if len(known := clock[clock > BEFORE_ALL]):
                    return moment(int(known[0]))
        return None

    @property
    def last(self) -> dt.datetime | None:
        """Known-at of the last row of ``train``, None where rows have no times."""
        if is_of_logs(self.folder):
            return self.records.last
        latest = BEFORE_ALL
        if self._has_times("train"):
            for _, clock in self.stretches("train", rows=_ROWS, columns=()):
                latest = int(clock[-1])
        return None if latest == BEFORE_ALL else moment(latest)

    def _file(self, part: str) -> Path:
        return self.folder / f"{part}.parquet"

    def _has_times(self, part: str) -> bool:
        of_logs = part == "train" and is_of_logs(self.folder)
        return of_logs or clock_column(pq.read_schema(self._file(part))) is not None

    def _streams(self, part: str, options: dict[str, Any]) -> list[Stream]:
        if part != "train" or not is_of_logs(self.folder):
            return [Stream(BEFORE_ALL, partial(_open, self._file(part), _NOTHING, options))]
        since, until = options["since"], options["until"]
        return [
            Stream(one.first, partial(
                _open, one.file(self.folder), self.records.skipped(one), options
            ))
            for one in self.records.parts
            if one.first is not None and one.last is not None
            and (since is None or one.last >= since) and (until is None or one.first < until)
        ]  # fmt: skip

    def _frame(self, table: pa.Table) -> pd.DataFrame:
        of_logs = b"pandas" not in (table.schema.metadata or {})
        frame: pd.DataFrame = table.to_pandas(types_mapper=_NULLABLE.get if of_logs else None)
        return frame

    def _empty(self, part: str, columns: Sequence[str] | None) -> pa.Table:
        files = [self._file(part)]
        if part == "train" and is_of_logs(self.folder):
            files = [one.file(self.folder) for one in self.records.parts if one.rows]
        schema = pq.read_schema(files[0]) if files else pa.schema({})
        table = schema.empty_table()
        return table.select([name for name in schema.names if columns is None or name in columns])

    def _damaged(self, part: str) -> DataError:
        if part != "train" or not is_of_logs(self.folder):
            return damaged(self.folder, self._file(part))
        file = next((one for one in map(self._checked, self.records.parts) if one), self.folder)
        return damaged(self.folder, file)

    def _checked(self, part: PartRecord) -> Path | None:
        """Return a part's file if it is damaged."""
        file = part.file(self.folder)
        try:
            return None if not part.rows or file.stat().st_size == part.stored else file
        except OSError:
            return file


def open_archive(folder: Path) -> Archive:
    """Open what the stage ``ingest`` wrote.

    Raises
    ------
    DataError
        If it has not run.
    """
    if not (folder / ROWS_FILE).is_file():
        raise DataError(
            f"{folder / ROWS_FILE} does not exist: run `oddwire ingest {folder.name}` first"
        )
    return Archive(folder, *read_meaning(folder))


def _open(file: Path, skipped: Places, options: dict[str, Any], rows: int) -> Iterator[Piece]:
    """Read a part without its superseded rows."""
    for piece in read_pieces(file, rows=rows, **options):
        begin, end = np.searchsorted(skipped, [piece.first, piece.first + len(piece.clock)])
        if begin == end:
            yield piece
            continue
        keep = np.ones(len(piece.clock), dtype=bool)
        keep[skipped[begin:end] - piece.first] = False
        yield Piece(piece.first, piece.table.filter(pa.array(keep)), piece.clock[keep])


def _inside(clock: Times, since: int | None, until: int | None) -> Any:
    """Return which rows are of a period, None where all are."""
    if since is None and until is None:
        return None
    inside = clock > BEFORE_ALL
    if since is not None:
        inside &= clock >= since
    return inside if until is None else inside & (clock < until)

"""One log file → one part: its rows in Parquet, in the order of the log, and its refused lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from oddwire.traffic.schema import END, TIME

ROW_GROUP = 100_000
_TIME = pa.timestamp("us", tz="UTC")
_SHOWN = 500  # of the text of a refused line

Times = NDArray[np.int64]
BEFORE_ALL = np.iinfo(np.int64).min  # what NumPy calls no time, too


class RefusedLine(Protocol):
    """A line that was not read: its number, the reason, and what stands there."""

    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102


class Stretch(Protocol):
    """What some lines that follow each other in a log file gave."""

    @property
    def connections(self) -> pa.Table: ...  # noqa: D102
    @property
    def refused(self) -> Sequence[Any]: ...  # noqa: D102


@dataclass(frozen=True)
class Written:
    """What `write_part` wrote; times in microseconds since 1970."""

    rows: int = 0
    refused: int = 0
    first_refused: str = ""
    began: int | None = None
    first: int | None = None
    last: int | None = None


def write_part(stretches: Iterable[Stretch], file: Path, refused_file: Path) -> Written:
    """Write what a log file gave; where there are no rows, or none refused, no file of them."""
    part = _Part(file, refused_file)
    with part:
        for stretch in stretches:
            part.add(stretch)
    return part.written()


class _Part:
    def __init__(self, file: Path, refused_file: Path) -> None:
        self._file, self._refused_file = file, refused_file
        self._stack = ExitStack()
        self._rows: Any = None
        self._lines: Any = None
        self._held: list[pa.Table] = []
        self._count = self._refused = 0
        self._first_refused = ""
        self._began: int | None = None
        self._first: int | None = None
        self._last: int = BEFORE_ALL

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, *_: object) -> None:
        with self._stack:
            if kind is None:
                self._flush()

    def add(self, stretch: Stretch) -> None:
        for one in stretch.refused:
            self._refuse(one)
        table = stretch.connections
        if not len(table):
            return
        # A log that does not say when a connection ended knows it from its beginning on.
        at = table.schema.get_field_index(END)
        table = table.set_column(at, table.schema.field(at), pc.coalesce(table[END], table[TIME]))
        ends, began = times_of(table[END]), int(times_of(table[TIME]).min())
        self._began = began if self._began is None else min(self._began, began)
        self._first = int(ends[0]) if self._first is None else self._first
        self._last = max(self._last, int(ends.max()))
        self._held.append(table)
        if sum(map(len, self._held)) >= ROW_GROUP:
            self._flush(whole=True)

    def written(self) -> Written:
        last = None if self._first is None else self._last
        return Written(
            self._count, self._refused, self._first_refused, self._began, self._first, last
        )

    def _flush(self, *, whole: bool = False) -> None:
        if not self._held:
            return
        table = pa.concat_tables(self._held)
        end = len(table) - len(table) % ROW_GROUP if whole else len(table)
        self._held = [table.slice(end)] if end < len(table) else []
        if self._rows is None:
            self._rows = self._stack.enter_context(
                pq.ParquetWriter(self._file, table.schema, compression="zstd")
            )
        self._rows.write_table(table.slice(0, end), row_group_size=ROW_GROUP)
        self._count += end

    def _refuse(self, one: RefusedLine) -> None:
        if self._lines is None:
            self._lines = self._stack.enter_context(self._refused_file.open("w", encoding="utf-8"))
            self._first_refused = f"line {one.line}: {one.reason}"
        content = {"line": one.line, "reason": one.reason, "text": one.text[:_SHOWN]}
        self._lines.write(json.dumps(content) + "\n")
        self._refused += 1


def times_of(column: pa.ChunkedArray) -> Times:
    """Return times as microseconds since 1970; none is before all others."""
    plain = pc.cast(pc.cast(column, _TIME), pa.int64())
    found: Times = pc.fill_null(plain, BEFORE_ALL).to_numpy()
    return found


@dataclass(frozen=True)
class Piece:
    """Rows of a part that follow each other.

    Parameters
    ----------
    first
        The place of the first one in the part.
    table
        The columns that were asked for.
    clock
        When each row could be known, in microseconds since 1970: the newest end so far.
    """

    first: int
    table: pa.Table
    clock: Times


def read_pieces(
    file: Path,
    *,
    rows: int,
    columns: Sequence[str] | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Iterator[Piece]:
    """Read a part in order, at most so many rows at a time.

    Row groups without a row of the period are not read; others are given whole.

    Parameters
    ----------
    columns
        Those to read, as far as they are there; None for all.
    since, until
        The period, in microseconds since 1970.
    """
    with pq.ParquetFile(file) as content:
        names, clock_by = content.schema_arrow.names, clock_column(content.schema_arrow)
        wanted = [name for name in names if columns is None or name in columns]
        read = wanted if clock_by is None or clock_by in wanted else [*wanted, clock_by]
        for group, place, before in _groups(content.metadata, clock_by, since, until):
            first, clock = place, before
            for batch in content.iter_batches(rows, row_groups=[group], columns=read):
                table = pa.Table.from_batches([batch])
                clocks = np.zeros(len(table), np.int64)
                if clock_by is not None:
                    ends = times_of(table[clock_by])
                    clocks = np.maximum.accumulate(np.maximum(ends, clock))
                    clock = int(clocks[-1])
                yield Piece(first, table.select(wanted), clocks)
                first += len(table)


def clock_column(schema: pa.Schema) -> str | None:
    """Return the column of times by which rows are known, None where there is none."""
    # A table may have a feature of that name, which is a number or text.
    for name in (END, TIME):
        if name in schema.names and pa.types.is_timestamp(schema.field(name).type):
            return name
    return None


def _groups(
    metadata: Any, clock_by: str | None, since: int | None, until: int | None
) -> Iterator[tuple[int, int, int]]:
    """Yield row groups that may have rows of a period: number, first place, the clock before it."""
    place, clock = 0, BEFORE_ALL
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        last = None if clock_by is None else _largest(group, clock_by)
        after = clock if last is None else max(clock, last)
        ends_before = since is not None and last is not None and after < since
        begins_after = until is not None and clock >= until
        if not ends_before and not begins_after:
            yield number, place, clock
        place, clock = place + group.num_rows, after


def _largest(group: Any, name: str) -> int | None:
    found = range_of(group, name)
    return None if found is None else found[1]


def range_of(group: Any, name: str) -> tuple[int, int] | None:
    """Return the least and the largest time of a row group's column, None where it is not told."""
    for at in range(group.num_columns):
        column = group.column(at)
        if column.path_in_schema == name:
            known = column.statistics
            if known is None or not known.has_min_max:
                return None
            least, largest = (pa.scalar(end).cast(_TIME) for end in (known.min, known.max))
            return least.value, largest.value
    return None

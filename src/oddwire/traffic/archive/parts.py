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

from oddwire.traffic.schema import CAMPAIGN, END, TIME

ROW_GROUP = 100_000
_TIME = pa.timestamp("us", tz="UTC")
_FOLLOWING, _DAY = 3, 86_400_000_000  # rows; microseconds
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
        began = int(times_of(table[TIME]).min())
        self._began = began if self._began is None else min(self._began, began)
        self._held.append(table)
        if sum(map(len, self._held)) >= ROW_GROUP:
            self._flush(whole=True)

    def written(self) -> Written:
        first = last = None
        if self._count:
            with pq.ParquetFile(self._file) as content:
                for clocks in _clocks(content, END):
                    first, last = int(clocks[0]) if first is None else first, int(clocks[-1])
        return Written(self._count, self._refused, self._first_refused, self._began, first, last)

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
        When each row could be known, in microseconds since 1970: the newest end so far, but for
        ends more than a day ahead of most of the rows that follow, which are taken for broken.
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
        place = 0
        for group, clocks in enumerate(_clocks(content, clock_by)):
            first, place = place, place + len(clocks)
            if until is not None and clocks[0] >= until:
                return
            if since is not None and clocks[-1] < since:
                continue
            # Without columns, batches would not know how many rows they have.
            read = wanted or names[:1]
            for batch in content.iter_batches(rows, row_groups=[group], columns=read):
                table = pa.Table.from_batches([batch]).select(wanted)
                table = _with_added(table, names, columns) if clock_by == END else table
                begin = first - (place - len(clocks))
                yield Piece(first, table, clocks[begin : begin + batch.num_rows])
                first += batch.num_rows


def _with_added(table: pa.Table, names: Sequence[str], columns: Sequence[str] | None) -> pa.Table:
    """Give connections the column that parts of earlier versions lack, without values."""
    if CAMPAIGN in names or not (columns is None or CAMPAIGN in columns):
        return table
    return table.append_column(CAMPAIGN, pa.nulls(len(table), pa.string()))


def _clocks(content: pq.ParquetFile, name: str | None) -> Iterator[Times]:
    """Yield the clock of the rows of each row group."""
    groups = range(content.metadata.num_row_groups)
    if name is None:
        for group in groups:
            yield np.zeros(content.metadata.row_group(group).num_rows, np.int64)
        return

    def times(group: int) -> Times:
        if group not in groups:
            return np.empty(0, np.int64)
        return times_of(content.read_row_group(group, columns=[name])[name])

    clock, following = BEFORE_ALL, times(0)
    for group in groups:
        ends, following = following, times(group + 1)
        if name == END:
            ends = np.where(_is_broken(ends, following[:_FOLLOWING]), BEFORE_ALL, ends)
        clocks = np.maximum.accumulate(np.maximum(ends, clock))
        if name == END and clock == BEFORE_ALL:  # broken ones at the beginning
            known = int(np.argmax(clocks > BEFORE_ALL))
            clocks[:known] = clocks[known]
        clock = int(clocks[-1])
        yield clocks


def _is_broken(ends: Times, following: Times) -> NDArray[np.bool_]:
    """Return which ends are more than a day ahead of two of the three rows behind them.

    Log lines are written in the order in which connections end, or nearly so.
    """
    none = np.full(_FOLLOWING, np.iinfo(np.int64).max)
    behind = np.concatenate([ends, following, none])
    one, two, three = (behind[at : at + len(ends)] for at in range(1, _FOLLOWING + 1))
    middle = np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three))
    broken: NDArray[np.bool_] = ends - _DAY > middle
    return broken


def clock_column(schema: pa.Schema) -> str | None:
    """Return the column of times by which rows are known, None where there is none."""
    # A table may have a feature of that name, which is a number or text.
    for name in (END, TIME):
        if name in schema.names and pa.types.is_timestamp(schema.field(name).type):
            return name
    return None


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

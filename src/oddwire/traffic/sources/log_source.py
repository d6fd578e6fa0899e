"""Log files of connections, as the programs wrote them: one reader for all formats of logs.

Rows are in the order of the log; those of a table, which need not have one, are put in the order
of their ends. The raw columns are those of `LOG_SCHEMA`. A file is read anew whenever its rows are
asked for, part by part, so that none is ever held whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from oddwire.errors import DataError, NoRowsError
from oddwire.params import ConnectionsSource, LogSource
from oddwire.params.values.paths import file_fault
from oddwire.traffic.archive import SourceBatches
from oddwire.traffic.connections import CONNECTION_COLUMNS, END_COLUMNS, type_connections, type_ends
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources.log_formats import LOG_FORMATS, labels_of
from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.parsing.columns import LOG_SCHEMA
from oddwire.traffic.sources.logs.parsing.lines import BLOCK_BYTES
from oddwire.traffic.sources.logs.reading import read_log
from oddwire.traffic.sources.logs.refusals import Refusals
from oddwire.traffic.sources.logs.tables import reading as tables
from oddwire.traffic.sources.logs.tables.values import TableSettings
from oddwire.traffic.sources.reading.file_batches import FileBatches
from oddwire.traffic.sources.reading.files import files_of
from oddwire.traffic.sources.reading.raw_file import RawFile
from oddwire.traffic.sources.reading.raw_table import RawTable
from oddwire.traffic.sources.reading.time_order import in_time_order
from oddwire.traffic.wire_text import shown_path

_ALL_ROWS = 1 << 60
_FIRST_ROWS = 1 << 15
# Whole numbers of a log may be missing, which NumPy's cannot.
_WHOLE = {pa.int8(): pd.Int8Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
_TYPED = tuple(name for name in LOG_SCHEMA.names if name in CONNECTION_COLUMNS)


def read_parts(source: LogSource, file: Path) -> Iterator[LogPart]:
    """Read a log file in the format of a source: connections, and the lines refused, by turns.

    Raises
    ------
    DataError
        If the file cannot be read, is of another format, or has more rows than the source allows.
    """
    if (fault := file_fault(file)) is not None:
        raise DataError(f"{shown_path(file)} {fault}")
    rows = 0
    for part in _parts(source, file):
        rows += len(part.connections)
        if rows > source.max_rows:
            raise DataError(
                f"{shown_path(file)} has more than {source.max_rows:,} rows; if that is right,"
                " raise `max_rows` of the source in params.yaml"
            )
        yield part


def open_source(source: LogSource, *, root: Path, rows: int | None = None) -> SourceBatches:
    """Open all log files of a source, from the oldest to the newest; some may have no rows.

    Raises
    ------
    DataError
        If a path or pattern names no file.
    """
    files = files_of(source, root=root).values()
    return SourceBatches(frame for file in files for frame in _frames(source, file, rows))


def _frames(source: LogSource, file: Path, rows: int | None) -> Iterator[pd.DataFrame]:
    try:
        opened = open_file(source, file, rows=rows)
    except NoRowsError:  # of a quiet hour, a log has its header alone
        return
    yield from (frame for _, frame in in_time_order(opened))


def open_file(
    source: LogSource,
    file: Path,
    *,
    schema: FeatureSchema | None = None,  # noqa: ARG001 - features follow from connections
    rows: int | None = None,
) -> FileBatches:
    """Open one log file, at most so many rows at once.

    Raises
    ------
    DataError
        If the file cannot be read, is of another format, holds no connection, or too many of its
        lines are refused.
    """
    raw = LogFile(file, tuple(LOG_SCHEMA.names), None, rows or _ALL_ROWS, source=source)
    if (whole := raw.begin()) is not None:
        raw = LogFile(file, raw.names, None, raw.rows, whole, source=source, refused=raw.refused)
    return FileBatches(
        raw, connections_of, _TYPED, END_COLUMNS, _ends, in_log_order=source.in_log_order
    )


def connections_of(raw: RawTable) -> pd.DataFrame:
    """Type connections of `LOG_SCHEMA` as those of the connection schema.

    What its reader has checked is not checked again: this equals what `type_connections` returns.
    """
    return typed_connections(raw.content, origin=str(raw.file), first_row=raw.first_row)


def typed_connections(content: pa.Table, *, origin: str, first_row: int = 0) -> pd.DataFrame:
    """Do so with a table that is of no one file.

    Parameters
    ----------
    origin, first_row
        As for `type_connections`.
    """
    in_order = pc.all(pc.less_equal(content["ts"], content["end"]), skip_nulls=False, min_count=0)
    if not in_order.as_py():
        return type_connections(content.to_pandas(), origin=origin, first_row=first_row)
    typed: pd.DataFrame = _without_empty_text(content).to_pandas(types_mapper=_WHOLE.get)
    return typed[list(CONNECTION_COLUMNS)]


def _without_empty_text(content: pa.Table) -> pa.Table:
    for at, kind in enumerate(content.schema.types):
        if pa.types.is_string(kind):
            column = content.column(at)
            empty = pc.equal(column, "")
            if pc.any(empty).as_py():
                column = pc.if_else(pc.fill_null(empty, False), None, column)
                content = content.set_column(at, content.field(at), column)
    return content


@dataclass(frozen=True, eq=False)
class LogFile(RawFile):
    """The connections of a log file, read anew each time.

    Parameters
    ----------
    source
        The source whose format it has.
    refused
        The lines refused when it was last read.
    """

    source: LogSource = field(kw_only=True)
    refused: Refusals = field(kw_only=True, default_factory=Refusals)
    _begun: list[Iterator[RawTable]] = field(init=False, repr=False, default_factory=list)

    def begin(self) -> RawTable | None:
        """Read the first rows: all of them where one batch holds them, otherwise None.

        They are kept for the first time that all rows are asked for.

        Raises
        ------
        DataError
            As by `batches`.
        """
        batches = super().batches()
        first, second = next(batches), next(batches, None)
        if second is None:
            return first
        self._begun.append(itertools.chain([first, second], batches))
        return None

    def batches(self, chosen: Sequence[str] | None = None) -> Iterator[RawTable]:
        """Yield the file's rows in order, as `RawFile.batches` does."""
        begun = self._begun.pop() if self._begun else None
        if begun is None or chosen is not None:
            return super().batches(chosen)
        self.check_unchanged()
        return begun

    def _sizes(self) -> Iterator[int]:
        """Return few rows for the first batch, so that they are soon at work, then ever more."""
        if self.rows == _ALL_ROWS or not self.source.in_log_order:
            return super()._sizes()
        return (min(_FIRST_ROWS << number, self.rows) for number in itertools.count())

    def _tables(self, places: Sequence[int]) -> Iterator[pa.Table]:
        rows = 0
        self.refused.clear()
        for part in read_parts(self.source, self.file):
            rows += len(part.connections)
            self.refused.add(part)
            yield part.connections.select(list(places))
        self.refused.check(self.file, rows=rows, most=self.source.max_refused_share)


def _ends(raw: RawTable) -> pd.Series[Any]:
    frame = raw.content.select(list(END_COLUMNS)).to_pandas()
    return type_ends(frame, origin=str(raw.file), first_row=raw.first_row)


def _table_parts(source: ConnectionsSource, file: Path) -> Iterator[LogPart]:
    said = {"label": source.label, "attack": source.attack, "campaign": source.campaign}
    columns = None
    if source.columns is not None:
        columns = {str(ours): theirs for ours, theirs in source.columns.items()}
    settings = TableSettings(
        columns=columns,
        named={ours: theirs for ours, theirs in said.items() if theirs is not None},
        time_format=source.time_format, zone=source.zone, labels=labels_of(source),
    )  # fmt: skip
    return tables.read(file, settings, size=BLOCK_BYTES)


# Formats whose files are no logs of lines.
_TABLES: dict[str, Callable[[Any, Path], Iterator[LogPart]]] = {"connections": _table_parts}


def _parts(source: LogSource, file: Path) -> Iterator[LogPart]:
    if (read := _TABLES.get(source.format)) is not None:
        return read(source, file)
    found = LOG_FORMATS[source.format]
    return read_log(file, found.settings(source), kinds=found.kinds)

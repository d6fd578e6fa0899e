"""A table of connections → its connections, block by block."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from oddwire.errors import DataError
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.netflow.local_times import local_times
from oddwire.traffic.sources.logs.parsing.columns import (
    connections,
    seconds_between,
    texts,
    too_long,
    with_refused,
)
from oddwire.traffic.sources.logs.parsing.delimited import Form, first_line, parse
from oddwire.traffic.sources.logs.parsing.json_lines import column, decoded, times
from oddwire.traffic.sources.logs.parsing.lines import Block, read_blocks
from oddwire.traffic.sources.logs.protocols import protocol
from oddwire.traffic.sources.logs.tables.maps import PER_SECOND, TimeUnit, places

_SEPARATORS = ",;\t|"
_NOTHING = (
    "-", "--", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "none",
    "\\N", "(empty)", "<NA>",
)  # fmt: skip
_WITH_PORTS = ("tcp", "udp", "sctp")
_ROWS = 100_000
_PARQUET = b"PAR1"


@dataclass(frozen=True)
class TableSettings:
    """How a table is to be understood.

    Parameters
    ----------
    columns
        The table's name of a column by ours; None for a known export's names.
    units
        In what times and durations are, where not in seconds.
    time_format
        How times are written, in Python's words (``%d.%m.%Y %H:%M``); None for ISO 8601 or numbers.
    zone
        The zone of times that name none.
    labels
        What the texts of labels mean.
    """

    columns: Mapping[str, str] | None = None
    units: Mapping[str, TimeUnit] = field(default_factory=dict)
    time_format: str | None = None
    zone: str = "UTC"
    labels: LabelRule = field(default_factory=LabelRule)


def read(file: Path, settings: TableSettings, *, size: int) -> Iterator[LogPart]:
    """Read the connections of a table in CSV, Parquet or lines of JSON.

    Raises
    ------
    DataError
        If it is none of these, or lacks a column that is named.
    """
    with file.open("rb") as raw:
        head = raw.read(len(_PARQUET))
    if head == _PARQUET:
        yield from _read_parquet(file, settings)
        return
    blocks = read_blocks(file, size=size)
    begin = next(blocks, Block(1, b""))
    if begin.data.lstrip()[:1] == b"{":
        yield from _read_json(begin, blocks, settings, str(file))
    else:
        yield from _read_csv(begin, blocks, settings, str(file))


def _read_csv(
    begin: Block, rest: Iterator[Block], settings: TableSettings, origin: str
) -> Iterator[LogPart]:
    block, header = first_line(begin)
    separator = None
    if header.lower().startswith("sep=") and len(header) == len("sep=") + 1:
        separator = header[-1]
        block, header = first_line(block)
    separator = separator or _separator(header)
    names = next(csv.reader([header], delimiter=separator), [])
    if len(names) <= 1:
        raise DataError(f"{origin}: a table of connections has columns, got {header[:80]!r} alone")
    wanted, units, _ = places(names, settings.columns, origin=origin)
    form = Form(
        wanted, width=len(names), separator=separator, nothing=_NOTHING, numbers={}, quoted=True
    )
    following: Block | None = block
    while following is not None:
        rows = parse(following, form)
        columns, reasons = _columns(rows.columns, settings, units)
        part = connections(columns, rows.lines, rows.block.line, reasons=reasons | rows.reasons)
        yield with_refused(part, (*too_long(following), *rows.refused))
        following = next(rest, None)


def _separator(header: str) -> str:
    best = max(_SEPARATORS, key=header.count)
    return best if best in header else " "


def _read_parquet(file: Path, settings: TableSettings) -> Iterator[LogPart]:
    try:
        content = pyarrow.parquet.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is no Parquet file: {error}") from None
    names = content.schema_arrow.names
    wanted, units, _ = places(names, settings.columns, origin=str(file))
    first = 1
    for batch in content.iter_batches(_ROWS, columns=[names[at] for at in wanted]):
        given = {ours: batch.column(names[at]) for at, ours in wanted.items()}
        yield _of_values(given, np.arange(first, first + len(batch)), settings, units)
        first += len(batch)


def _read_json(
    begin: Block, rest: Iterator[Block], settings: TableSettings, origin: str
) -> Iterator[LogPart]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    following: Block | None = begin
    while following is not None:
        records, lines, broken = decoded(following, decoder)
        flat = [dict(_flat(record)) for record in records]
        names = [*dict.fromkeys(name for record in flat for name in record)]
        refused = (*too_long(following), *broken)
        if flat:
            wanted, units, _ = places(names, settings.columns, origin=origin)
            given = {
                ours: column([record.get(names[at]) for record in flat])
                for at, ours in wanted.items()
            }
            yield with_refused(_of_values(given, lines, settings, units), refused)
        elif refused:
            yield with_refused(_of_values({}, lines, settings, {}), refused)
        following = next(rest, None)


def _flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        full = f"{above}.{name}" if above else name
        if isinstance(value, dict):
            yield from _flat(value, full)
        else:
            yield full, value


def _of_values(
    given: Mapping[str, pa.Array],
    lines: np.ndarray[Any, np.dtype[np.int64]],
    settings: TableSettings,
    units: Mapping[str, TimeUnit],
) -> LogPart:
    """Read connections whose rows are no lines of text."""
    columns, reasons = _columns(given, settings, units)
    first = int(lines[0]) if len(lines) else 0
    places = {int(line): at for at, line in enumerate(lines)} if first else {}

    def shown(line: int) -> bytes:
        at = places[line]
        return str({name: values[at].as_py() for name, values in given.items()}).encode()

    return connections(columns, lines, shown, reasons=reasons)


def _columns(
    given: Mapping[str, pa.Array], settings: TableSettings, units: Mapping[str, TimeUnit]
) -> tuple[dict[str, pa.Array], dict[int, str]]:
    units = {**units, **settings.units}
    columns = {name: values for name, values in given.items() if not pa.types.is_null(values.type)}
    reasons: dict[int, str] = {}
    for name in ("ts", "end"):
        if name in columns:
            columns[name], wrong = _moments(columns[name], name, settings, units)
            reasons = wrong | reasons
    if "duration" in columns and "duration" in units:
        columns["duration"] = _scaled(columns["duration"], PER_SECOND[units["duration"]])
    end = columns.pop("end", None)
    if end is not None and "duration" not in columns and "ts" in columns:
        columns["duration"] = seconds_between(columns["ts"], end)
    if "proto" in columns:
        names = [protocol(name) for name in texts(columns["proto"]).to_pylist()]
        columns["proto"] = pa.array(names, pa.string())
        has_ports = pa.array([name in _WITH_PORTS for name in names], pa.bool_())
        for name in ("src_port", "dst_port"):  # of ICMP they are its type and code
            if name in columns:
                nothing = pa.scalar(None, columns[name].type)
                columns[name] = pc.if_else(has_ports, columns[name], nothing)
    if "label" in columns:
        columns |= settings.labels.columns(texts(columns["label"]), columns.get("attack"))
    return columns, reasons


def _moments(
    values: pa.Array, name: str, settings: TableSettings, units: Mapping[str, TimeUnit]
) -> tuple[pa.Array, dict[int, str]]:
    if pa.types.is_timestamp(values.type):
        return values, {}
    given = values.to_pylist()
    if settings.time_format is not None:
        moments = pd.to_datetime(
            pd.Series(given, dtype=object), format=settings.time_format, errors="coerce"
        )
        text = moments.dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
        text_or_none = pa.array(text, pa.string(), from_pandas=True)
        read_as, _ = local_times(text_or_none, settings.zone, name=name)
        wrong = {
            int(at): f"{name} must be written as {settings.time_format}, got {given[at]!r:.80}"
            for at in np.flatnonzero(moments.isna())
            if given[at] is not None
        }
        return read_as, wrong
    numbers = pd.to_numeric(pd.Series(given, dtype=object), errors="coerce")
    if numbers.notna().any():
        per_second = PER_SECOND[units[name]] if name in units else 1.0
        scaled = numbers / per_second if name in units else numbers
        as_given = [
            value if np.isnan(number) else number
            for value, number in zip(given, scaled.to_list(), strict=True)
        ]
        return times(as_given, name)
    return local_times(texts(values), settings.zone, name=name)


def _scaled(values: pa.Array, per_second: float) -> pa.Array:
    if not pa.types.is_string(values.type):
        return pc.divide(pc.cast(values, pa.float64()), per_second)
    given = values.to_pylist()
    numbers = pd.to_numeric(pd.Series(given, dtype=object), errors="coerce") / per_second
    # What is no number stays as it is, to be refused under its own text.
    scaled = [
        value if np.isnan(number) else repr(number)
        for value, number in zip(given, numbers.to_list(), strict=True)
    ]
    return pa.array(scaled, pa.string())

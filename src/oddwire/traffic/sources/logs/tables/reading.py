"""A table of connections → its connections, block by block."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from oddwire.errors import DataError
from oddwire.traffic.sources.conventions import PARQUET, SEPARATORS
from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.interim import last_of_each
from oddwire.traffic.sources.logs.parsing.columns import (
    LOG_SCHEMA,
    IntArray,
    connections,
    too_long,
    with_refused,
)
from oddwire.traffic.sources.logs.parsing.delimited import Form, Rows, first_line, parse
from oddwire.traffic.sources.logs.parsing.json_lines import column, decoded, flat
from oddwire.traffic.sources.logs.parsing.lines import BLOCK_BYTES, Block, opened, read_blocks
from oddwire.traffic.sources.logs.reading import LogSettings, read_log
from oddwire.traffic.sources.logs.recognising import is_blank, recognised
from oddwire.traffic.sources.logs.tables.maps import KNOWN, places, plain
from oddwire.traffic.sources.logs.tables.values import Reasons, TableSettings, records, typed

_ROWS = 100_000
Typed = Callable[[Mapping[str, pa.Array]], tuple[dict[str, pa.Array], Reasons]]


def read(file: Path, settings: TableSettings, *, size: int = BLOCK_BYTES) -> Iterator[LogPart]:
    """Read the connections of a table in CSV, Parquet or lines of JSON.

    Without a map of its columns, a log that is known as one (Argus, nfdump, …) is read as one.

    Raises
    ------
    DataError
        If it is none of these, or lacks a column that is named.
    """
    with opened(file) as content:
        head = content.read(len(PARQUET))
    if head == PARQUET:
        yield from _read_parquet(file, settings)
    elif settings.is_open and (recognised(file) is not None or is_blank(file)):
        known = LogSettings(labels=settings.labels, zone=settings.zone)
        yield from read_log(file, known, size=size)
    else:
        yield from _read_text(file, settings, size)


def _read_text(file: Path, settings: TableSettings, size: int) -> Iterator[LogPart]:
    cut = None
    blocks = _below_blank_lines(read_blocks(file, size=size))
    begin = next(blocks, None)
    if begin is not None and begin.data.lstrip()[:1] == b"{":
        for block, parts in _read_json(chain([begin], blocks), settings, str(file)):
            cut = block.cut
            yield from parts
    elif begin is not None:
        block, form, how = _of_header(begin, settings, str(file))

        def rows() -> Iterator[LogPart]:
            nonlocal cut
            every = _below_blank_lines(read_blocks(file, size=size))
            next(every, None)
            for following in chain([block], every):
                cut = following.cut
                yield _csv_part(following, form, how)

        # Zeek tells a long connection again and again.
        interim = how.keywords["name"] == "Zeek" and "uid" in form.names.values()
        uids = (part.connections["uid"].drop_null().to_pylist() for part in rows())
        yield from last_of_each(rows, uids if interim else ())
    if cut is not None:
        yield LogPart(LOG_SCHEMA.empty_table(), cut=cut)


def _below_blank_lines(blocks: Iterator[Block]) -> Iterator[Block]:
    for block in blocks:
        data = block.data.lstrip(b"\r\n") if block.first == 1 else block.data
        above = block.data.count(b"\n", 0, len(block.data) - len(data))
        if data or block.too_long or block.cut:
            yield replace(block, first=block.first + above, data=data)


def _of_header(
    begin: Block, settings: TableSettings, origin: str
) -> tuple[Block, Form, partial[Any]]:
    """Read the header: the rows below it, how they are divided, and what they mean."""
    block, header = first_line(begin)
    separator = None
    if header.lower().startswith("sep=") and len(header) == len("sep=") + 1:
        separator = header[-1]
        block, header = first_line(block)
    separator = separator or _separator(header)
    names = next(csv.reader([header.replace("\0", "")], delimiter=separator), [])
    if len(names) <= 1:
        raise DataError(f"{origin}: a table of connections has columns, got {header[:80]!r} alone")
    wanted, units, name = places(names, settings.columns, origin=origin, named=settings.named)
    form = Form(
        wanted, width=len(names), separator=separator, numbers={}, quoted=True,
        header=header.encode(),
    )  # fmt: skip
    return block, form, partial(typed, settings=settings, units=units, name=name)


def _separator(header: str) -> str:
    best = max(SEPARATORS, key=header.count)
    return best if best in header else " "


def _csv_part(block: Block, form: Form, how: Typed) -> LogPart:
    rows = _with_record(parse(block, form))
    columns, reasons = how(rows.columns)
    part = connections(columns, rows.lines, rows.block.line, reasons=reasons | rows.reasons)
    return with_refused(part, (*too_long(block), *rows.refused))


def _with_record(rows: Rows) -> Rows:
    keep = records(rows.columns)
    if keep is None:
        return rows
    columns = {name: values.filter(pa.array(keep)) for name, values in rows.columns.items()}
    new = np.cumsum(keep) - 1
    reasons = {int(new[at]): why for at, why in rows.reasons.items() if keep[at]}
    return replace(rows, columns=columns, lines=rows.lines[keep], reasons=reasons)


def _read_parquet(file: Path, settings: TableSettings) -> Iterator[LogPart]:
    try:
        content = pyarrow.parquet.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is no Parquet file: {error}") from None
    names = content.schema_arrow.names
    wanted, units, name = places(names, settings.columns, origin=str(file), named=settings.named)
    how = partial(typed, settings=settings, units=units, name=name)
    first = 1
    try:
        for batch in content.iter_batches(_ROWS, columns=[names[at] for at in wanted]):
            given = {ours: batch.column(names[at]) for at, ours in wanted.items()}
            yield _of_values(given, np.arange(first, first + len(batch)), how)
            first += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}, row {first}: its Parquet is damaged: {error}") from None


def _read_json(
    blocks: Iterator[Block], settings: TableSettings, origin: str
) -> Iterator[tuple[Block, list[LogPart]]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    used = {plain(name) for name in (*settings.named.values(), *(settings.columns or {}).values())}
    used |= {plain(name) for export in KNOWN for name in export.columns}
    names: dict[str, str] = {}  # of those that count alone: lines may have ever new ones
    for block in blocks:
        objects, lines, broken = decoded(block, decoder)
        bare = [dict(flat(one)) for one in objects]
        here = dict.fromkeys(name for one in bare for name in one)
        for name in here:
            if (key := plain(name)) in used:
                names.setdefault(key, name)
        refused = (*too_long(block), *broken)
        part = LogPart(LOG_SCHEMA.empty_table())
        if bare:
            every = [*names.values()] or [*here]
            wanted, units, name = places(
                every, settings.columns, origin=origin, named=settings.named, optional=True
            )
            given = {
                ours: column([one.get(every[at]) for one in bare]) for at, ours in wanted.items()
            }
            part = _of_values(
                given, lines, partial(typed, settings=settings, units=units, name=name)
            )
        yield block, [with_refused(part, refused)]


def _of_values(given: Mapping[str, pa.Array], lines: IntArray, how: Typed) -> LogPart:
    """Read connections whose rows are no lines of text."""
    keep = records(given)
    if keep is not None:
        given = {name: values.filter(pa.array(keep)) for name, values in given.items()}
        lines = lines[keep]
    columns, reasons = how(given)

    def shown(line: int) -> bytes:
        at = int(np.searchsorted(lines, line))
        return str({name: values[at].as_py() for name, values in given.items()}).encode()

    return connections(columns, lines, shown, reasons=reasons)

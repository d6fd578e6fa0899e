"""The names of a table's columns, by its beginning alone."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet

from oddwire.errors import DataError
from oddwire.traffic.sources.conventions import PARQUET, SEPARATORS
from oddwire.traffic.sources.logs.parsing.json_lines import flat
from oddwire.traffic.sources.logs.parsing.lines import opened
from oddwire.traffic.wire_text import shown_path

_HEAD = 1 << 16


def column_names(file: Path) -> list[str]:
    """Return the names of a table's columns: CSV, Parquet, or those in the first line of JSON.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    line = first_line(file)
    if line.startswith(PARQUET):
        return _of_parquet(file)
    if (record := first_record(file)) is not None:
        return [name for name, _ in flat(record)]
    text = line.decode("utf-8-sig", "replace").strip()
    separator = max(SEPARATORS, key=text.count)
    if separator not in text:
        return text.split()
    return [name.strip() for name in next(csv.reader([text], delimiter=separator))]


def first_line(file: Path) -> bytes:
    """Return the first line that is not empty and no ``sep=``, which some spreadsheets write.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    with opened(file) as content:
        head = content.read(_HEAD).lstrip()
    if head.startswith(b"sep="):
        head = head.partition(b"\n")[2]
    return head.partition(b"\n")[0]


def first_record(file: Path) -> dict[str, Any] | None:
    """Return what the first line of JSON holds; None where it is none.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    try:
        record = msgspec.json.decode(first_line(file))
    except (msgspec.MsgspecError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _of_parquet(file: Path) -> list[str]:
    try:
        return list(pyarrow.parquet.read_schema(file).names)
    except (pa.ArrowException, OSError):
        raise DataError(f"{shown_path(file)} is a damaged Parquet file") from None

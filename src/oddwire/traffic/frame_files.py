"""Frames in Parquet files, written and read piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_object_dtype, pandas_dtype


class FrameFile:
    """A Parquet file to which frames of the same columns are written one after the other.

    Columns of objects hold text here; they are text in the file even where a piece, or all of it,
    has no value there. A file to which nothing was written does not exist.

    Parameters
    ----------
    file
        Where to write.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._open: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._open is not None:
            self._open.close()

    def write(self, frame: pd.DataFrame) -> None:
        """Write more rows."""
        if self._open is None:
            self._open = pq.ParquetWriter(self._file, _schema(frame))
        table = pa.Table.from_pandas(frame, self._open.schema, preserve_index=False)
        self._open.write_table(table)


def write_frames(frames: Iterable[pd.DataFrame], file: Path) -> None:
    """Write frames of the same columns to one file."""
    with FrameFile(file) as written:
        for frame in frames:
            written.write(frame)


def read_frames(
    file: Path, *, rows: int, columns: Sequence[str] | None = None
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a file in order, at most so many at a time, with their types.

    Of a file without rows one empty frame is yielded.

    Parameters
    ----------
    columns
        Those to read; None for all.
    """
    with pq.ParquetFile(file) as content:
        chosen = None if columns is None else list(columns)
        if not content.metadata.num_rows:
            yield pd.read_parquet(file, columns=chosen)
        for batch in content.iter_batches(rows, columns=chosen):
            yield pa.Table.from_batches([batch]).to_pandas()


def columns_of(file: Path) -> tuple[str, ...]:
    """Return the names of a file's columns."""
    return tuple(pq.read_schema(file).names)


def _schema(frame: pd.DataFrame) -> Any:
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    for at, (field, dtype) in enumerate(zip(schema, frame.dtypes, strict=True)):
        if is_object_dtype(dtype) and pa.types.is_null(field.type):
            schema = schema.set(at, field.with_type(pa.string()))
    # Anew, so that what it tells pandas of the types is true of all pieces.
    return _readable(pa.Table.from_pandas(frame, schema, preserve_index=False).schema)


def _readable(schema: Any) -> Any:
    """Call plain objects what pandas could not read back by name: lists, records, fixed bytes."""
    types = json.loads(schema.metadata[b"pandas"])
    for column in types["columns"]:
        try:
            pandas_dtype(column["numpy_type"])
        except (TypeError, ValueError, NotImplementedError):
            column["numpy_type"] = "object"
    return schema.with_metadata(schema.metadata | {b"pandas": json.dumps(types).encode()})

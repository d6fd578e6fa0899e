"""The rows of a file in the order in which they were known, without holding them all.

A log is in that order as it stands. The rows of a table that is not are dealt out on the disk to as
many stretches of time as there are batches.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa

from oddwire.errors import DataError
from oddwire.traffic.dealing import Places, dealt_out
from oddwire.traffic.sources.reading.file_batches import FileBatches


def in_time_order(opened: FileBatches) -> Iterator[tuple[Places, pd.DataFrame]]:
    """Yield the rows of a file as they were known, and their places in the file.

    Rows without a time come first. Equal times, and rows of a file without times, keep their order.

    Raises
    ------
    DataError
        If a row is not what the source promises, or the disk cannot hold the rows.
    """
    if opened.in_time_order:
        for batch in opened.batches():
            yield batch.places, batch.rows
        return
    order = opened.order()
    if opened.is_whole:
        rows = next(opened.batches()).rows
        yield order, rows.iloc[order].reset_index(drop=True)
        return
    yield from _dealt_out(opened, order)


def _dealt_out(opened: FileBatches, order: Places) -> Iterator[tuple[Places, pd.DataFrame]]:
    tables: Iterator[tuple[int, Any]] = (
        (batch.first, pa.Table.from_pandas(batch.rows, preserve_index=False))
        for batch in opened.batches()
    )
    try:
        with tempfile.TemporaryFile() as spool:
            for places, kept, ranks in dealt_out(tables, order, opened.raw.rows, spool):
                # Of a column without a value in one table, the types differ: pandas' do not.
                rows = pd.concat([table.to_pandas() for table in kept], ignore_index=True)
                yield places, rows.iloc[ranks].reset_index(drop=True)
    except OSError as error:
        raise DataError(
            f"{opened.raw.file} is not in the order of time, and {tempfile.gettempdir()} "
            f"(TMPDIR) cannot hold its rows meanwhile: {error.strerror or error}"
        ) from None

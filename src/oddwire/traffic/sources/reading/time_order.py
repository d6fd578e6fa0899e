"""The rows of a file in the order in which they were known, without holding them all.

A log is in that order as it stands. The rows of a table that is not are dealt out on the disk to as
many stretches of time as there are batches, and each stretch is put in order when it is read back.
In memory stay a few bytes for each row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from oddwire.errors import DataError
from oddwire.traffic.sources.reading.file_batches import FileBatches

Places = NDArray[np.int64]


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
    stretch = np.empty(len(order), dtype=np.int32)
    stretch[order] = np.arange(len(order)) // opened.raw.rows
    yield from _dealt_out(opened, order, stretch)


def _dealt_out(
    opened: FileBatches, order: Places, stretch: NDArray[np.int32]
) -> Iterator[tuple[Places, pd.DataFrame]]:
    size = opened.raw.rows
    try:
        with tempfile.TemporaryFile() as content:
            spool = _Spool(content)
            for batch in opened.batches():
                of = stretch[batch.first : batch.first + len(batch.rows)]
                for number in np.unique(of).tolist():
                    spool.add(number, batch.rows[of == number])
            for number in range(-(-len(order) // size)):
                places = order[number * size : (number + 1) * size]
                # Each stretch has its rows in the order of the file.
                ranks = np.empty(len(places), dtype=np.int64)
                ranks[np.argsort(places)] = np.arange(len(places))
                yield places, spool.read(number).iloc[ranks].reset_index(drop=True)
    except OSError as error:
        raise DataError(
            f"{opened.raw.file} is not in the order of time, and {tempfile.gettempdir()} "
            f"(TMPDIR) cannot hold its rows meanwhile: {error.strerror or error}"
        ) from None


class _Spool:
    """Frames in a file without a name, which the system removes whatever becomes of us."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self._parts: dict[int, list[int]] = {}

    def add(self, number: int, rows: pd.DataFrame) -> None:
        """Keep rows for a stretch."""
        self._parts.setdefault(number, []).append(self._content.seek(0, 2))
        table: Any = pa.Table.from_pandas(rows, preserve_index=False)
        with pa.ipc.new_stream(self._content, table.schema) as written:
            written.write_table(table)

    def read(self, number: int) -> pd.DataFrame:
        """Return the rows of a stretch in the order in which they were kept."""
        self._content.flush()
        frames: list[pd.DataFrame] = []
        for start in self._parts[number]:
            self._content.seek(start)
            with pa.ipc.open_stream(self._content) as kept:
                frames.append(kept.read_all().to_pandas())
        together: pd.DataFrame = pd.concat(frames, ignore_index=True)
        return together

"""Rows of which the order is known, put in it without holding them all.

They are dealt out on the disk to stretches of that order, as they come, and each stretch is read
back when its turn has come. In memory stay a few bytes for each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Places = NDArray[np.int64]


def dealt_out(
    pieces: Iterable[tuple[int, pa.Table]], order: Places, size: int, spool: IO[bytes]
) -> Iterator[tuple[Places, list[pa.Table], Places]]:
    """Yield stretches of so many rows in an order, one after the other.

    Parameters
    ----------
    pieces
        All rows as they stand, in tables, and the place of the first row of each.
    order
        The places of the rows in the order wanted, shape (n,).
    spool
        A file to keep rows in meanwhile.

    Yields
    ------
    The places of a stretch's rows; the rows as they stood, in tables; and the order of these.
    """
    stretch = np.empty(len(order), dtype=np.int32)
    stretch[order] = np.arange(len(order)) // size
    begins: list[list[int]] = [[] for _ in range(-(-len(order) // size))]
    for first, table in pieces:
        of = stretch[first : first + len(table)]
        for number in np.unique(of).tolist():
            begins[number].append(spool.tell())
            with pa.ipc.new_stream(spool, table.schema) as written:
                written.write_table(table.filter(pa.array(of == number)))
    spool.flush()
    for number, kept in enumerate(begins):
        places = order[number * size : (number + 1) * size]
        ranks = np.empty(len(places), dtype=np.int64)
        ranks[np.argsort(places)] = np.arange(len(places))
        yield places, [_read(spool, begin) for begin in kept], ranks


def _read(spool: IO[bytes], begin: int) -> pa.Table:
    spool.seek(begin)
    with pa.ipc.open_stream(spool) as kept:
        return kept.read_all()

"""A part whose rows have no order of a log: put in the order in which they are known.

Rows are dealt out on the disk to as many stretches as there are row groups, and each stretch is
put in order when it is read back. In memory stay a few bytes for each row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from oddwire.traffic.archive.parts import ROW_GROUP, Written, read_pieces, times_of
from oddwire.traffic.schema import END

_Ranks = NDArray[np.int64]


def sort_part(file: Path, written: Written) -> Written:
    """Sort a part by the ends of its connections; rows of the same end keep their order."""
    pieces = read_pieces(file, rows=ROW_GROUP, columns=[END])
    ends = np.concatenate([times_of(piece.table[END]) for piece in pieces])
    if (ends[1:] >= ends[:-1]).all():
        return written
    order = np.argsort(ends, kind="stable")
    ranks: _Ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    draft = file.with_suffix(".sorting")
    with tempfile.TemporaryFile(dir=file.parent) as spool:
        begins = _deal_out(file, ranks // ROW_GROUP, spool)
        with pq.ParquetWriter(draft, pq.read_schema(file), compression="zstd") as sorted_file:
            for number in range(len(begins)):
                places = order[number * ROW_GROUP : (number + 1) * ROW_GROUP]
                table = pa.concat_tables(_read_back(spool, begins[number]))
                # Each stretch has its rows in the order of the file.
                within = np.empty_like(places)
                within[np.argsort(places)] = np.arange(len(places))
                sorted_file.write_table(table.take(pa.array(within)))
    draft.replace(file)
    return replace(written, first=int(ends.min()), last=int(ends.max()))


def _deal_out(file: Path, stretches: _Ranks, spool: IO[bytes]) -> list[list[int]]:
    """Write rows by their stretches; return where the pieces of each begin."""
    begins: list[list[int]] = [[] for _ in range(int(stretches.max()) + 1)]
    for piece in read_pieces(file, rows=ROW_GROUP):
        of = stretches[piece.first : piece.first + len(piece.clock)]
        for number in np.unique(of).tolist():
            begins[number].append(spool.tell())
            with pa.ipc.new_stream(spool, piece.table.schema) as written:
                written.write_table(piece.table.filter(pa.array(of == number)))
    spool.flush()
    return begins


def _read_back(spool: IO[bytes], begins: list[int]) -> Iterator[pa.Table]:
    for begin in begins:
        spool.seek(begin)
        with pa.ipc.open_stream(spool) as kept:
            yield kept.read_all()

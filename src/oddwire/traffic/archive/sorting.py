"""A part whose rows have no order of a log: put in the order in which they are known."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oddwire.traffic.archive.parts import ROW_GROUP, Written, read_pieces, times_of
from oddwire.traffic.dealing import dealt_out
from oddwire.traffic.schema import END


def sort_part(file: Path, written: Written) -> Written:
    """Sort a part by the ends of its connections; rows of the same end keep their order."""
    pieces = read_pieces(file, rows=ROW_GROUP, columns=[END])
    ends = np.concatenate([times_of(piece.table[END]) for piece in pieces])
    if (ends[1:] >= ends[:-1]).all():
        return written
    order = np.argsort(ends, kind="stable")
    draft = file.with_suffix(".sorting")
    rows = ((piece.first, piece.table) for piece in read_pieces(file, rows=ROW_GROUP))
    with (
        tempfile.TemporaryFile(dir=file.parent) as spool,
        pq.ParquetWriter(draft, pq.read_schema(file), compression="zstd") as sorted_file,
    ):
        for _, tables, ranks in dealt_out(rows, order, ROW_GROUP, spool):
            sorted_file.write_table(pa.concat_tables(tables).take(pa.array(ranks)))
    draft.replace(file)
    return replace(written, first=int(ends.min()), last=int(ends.max()))

"""Files that are far larger than they look: refused before any row of them is held.

Unpacked, a file of 2 MB can have half a billion rows, or a row without end. So lines and bytes are
counted first, piece by piece.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from oddwire.errors import DataError
from oddwire.traffic.sources.conventions import PARQUET
from oddwire.traffic.sources.reading.layout.csv_layout import MOST_OF_A_ROW
from oddwire.traffic.sources.reading.layout.opening import (
    GZIP,
    damage_named,
    first_bytes,
    open_bytes,
)
from oddwire.traffic.sources.reading.values.plain_types import is_text_type

_HARMLESS = 1 << 26  # bytes: as much unpacked is never too much
# Of traffic in text or Parquet a tenth to a hundredth is left when it is packed.
_MOST_TIMES = 300
_PIECE = 1 << 20
_NUMBER = 8  # bytes of a number in memory
_BATCH = 1 << 16


def refuse_oversize(file: Path, *, max_rows: int) -> None:
    """Refuse a file with too many rows, a row without end, or that unpacks to a multiple of itself.

    Parameters
    ----------
    max_rows
        What the file's source allows.

    Raises
    ------
    DataError
        Naming the file and the limit; or if the file cannot be read.
    """
    start = first_bytes(file)
    if start.startswith(PARQUET):
        _refuse_parquet(file, max_rows)
    else:
        _refuse_lines(file, max_rows, zipped=start.startswith(GZIP))


def _refuse_lines(file: Path, max_rows: int, *, zipped: bool) -> None:
    size = file.stat().st_size
    lines = unpacked = waiting = 0
    with damage_named(file), open_bytes(file, zipped=zipped) as stream:
        while piece := stream.read(_PIECE):
            ends = piece.count(b"\n") or piece.count(b"\r")
            lines, unpacked = lines + ends, unpacked + len(piece)
            begun = waiting + (_first_end(piece) if ends else len(piece))
            if begun > MOST_OF_A_ROW:
                line = lines + 1 - ends
                raise DataError(f"{file}, line {line}: a row must not be longer than 1 MB")
            waiting = len(piece) - _last_end(piece) if ends else begun
            _refuse_rows(file, lines - 1, max_rows)  # one is the header
            if zipped:
                _refuse_bomb(file, size, unpacked, "unpack it first")


def _first_end(piece: bytes) -> int:
    return min(at for at in (piece.find(b"\n"), piece.find(b"\r")) if at >= 0)


def _last_end(piece: bytes) -> int:
    return max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1


def _refuse_rows(file: Path, rows: int, most: int) -> None:
    if rows > most:
        raise DataError(
            f"{file} has more than {most:,} rows; if that is right, raise `max_rows` of the source"
            " in params.yaml"
        )


def _refuse_bomb(file: Path, size: int, unpacked: int, way_out: str) -> None:
    if unpacked > _HARMLESS and unpacked > _MOST_TIMES * size:
        raise DataError(
            f"{file} unpacks to more than {_MOST_TIMES} times its {size:,} bytes; if that is right,"
            f" {way_out}"
        )


def _refuse_parquet(file: Path, max_rows: int) -> None:
    size, way_out = file.stat().st_size, "write it without compression and dictionaries"
    try:
        with damage_named(file), pa.parquet.ParquetFile(open_bytes(file, zipped=False)) as opened:
            facts = opened.metadata
            _refuse_rows(file, facts.num_rows, max_rows)
            chunks = [
                facts.row_group(group).column(column)
                for group, column in itertools.product(
                    range(facts.num_row_groups), range(facts.num_columns)
                )
            ]
            unpacked = sum(max(chunk.num_values * _NUMBER, 0) for chunk in chunks)
            written = sum(max(chunk.total_uncompressed_size, 0) for chunk in chunks)
            _refuse_bomb(file, size, max(unpacked, written), way_out)
            # A text is stored once, however many rows have it.
            longest = sum(
                chunk.num_values * chunk.total_uncompressed_size
                for chunk in chunks
                if chunk.physical_type == "BYTE_ARRAY"
            )
            if longest > _MOST_TIMES * size and longest > _HARMLESS:
                for text in itertools.accumulate(_text_sizes(file)):
                    _refuse_bomb(file, size, unpacked + text, way_out)
    except pa.ArrowException as error:
        raise DataError(f"{file} is a damaged Parquet file") from error


def _text_sizes(file: Path) -> Iterator[int]:
    """Yield how many bytes the texts of some rows come to, without writing them out."""
    with pa.parquet.ParquetFile(open_bytes(file, zipped=False)) as opened:
        kinds = {field.name: field.type for field in opened.schema_arrow}
    names = [name for name, kind in kinds.items() if is_text_type(kind)]
    stream = open_bytes(file, zipped=False)
    with pa.parquet.ParquetFile(stream, read_dictionary=names) as opened:
        for batch in opened.iter_batches(_BATCH, columns=names):
            for column in batch.columns:
                if pa.types.is_dictionary(column.type):
                    lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
                else:
                    lengths = pc.binary_length(column)
                yield pc.sum(lengths).as_py() or 0

"""What a log file holds, whatever it is called and however it is compressed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from oddwire.traffic.sources.conventions import PARQUET
from oddwire.traffic.sources.logs.captures import is_capture
from oddwire.traffic.sources.logs.parsing.lines import NO_END, is_compressed, opened
from oddwire.traffic.sources.logs.parsing.lines import Content as Opened

HEADS = (256, 16_384)  # bytes
_READS = 1 << 20


@dataclass(frozen=True)
class Content:
    """What identifies a file's content.

    Parameters
    ----------
    digest
        Hash of its bytes, uncompressed.
    size
        How many there are.
    heads
        Hashes of its first bytes, by how many they are: files with different heads begin
        differently.
    cut
        Why it ends before its time; empty where it does not. Captures and Parquet have no lines
        that could be cut.
    """

    digest: str
    size: int
    heads: Mapping[str, str]
    cut: str = ""


def identify(file: Path, *, most: int | None = None) -> Content:
    """Hash a file's bytes, uncompressed.

    Parameters
    ----------
    most
        Read no more than so many bytes of a file that is not compressed: one that is written to
        goes on growing.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    if most is not None and is_compressed(file):
        most = None
    running, size, heads, last = hashlib.blake2b(digest_size=20), 0, {}, b"\n"
    has_lines = True
    with opened(file) as content:
        for piece in _pieces(content, most):
            if not size:
                has_lines = not (is_capture(piece) or piece.startswith(PARQUET))
            running.update(piece)
            size, last = size + len(piece), piece[-1:]
            if size in HEADS:
                heads[str(size)] = running.hexdigest()
        cut = content.cut or ("" if last == b"\n" or not has_lines else NO_END)
    return Content(running.hexdigest(), size, heads, cut)


def _pieces(content: Opened, most: int | None) -> Iterator[bytes]:
    """Read all, such that pieces end where the heads do."""
    read, ends = 0, [*HEADS]
    while most is None or read < most:
        wanted = _READS if most is None else min(_READS, most - read)
        if ends:
            wanted = min(wanted, ends[0] - read)
        piece = content.read(wanted)
        if not piece:
            return
        yield piece
        read += len(piece)
        ends = [end for end in ends if end > read]


def begins_with(file: Path, size: int, digest: str) -> bool:
    """Tell whether a file's first bytes, so many, are a content of that hash.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    running = hashlib.blake2b(digest_size=20)
    with opened(file) as content:
        while size and (piece := content.read(min(size, _READS))):
            running.update(piece)
            size -= len(piece)
    return not size and running.hexdigest() == digest

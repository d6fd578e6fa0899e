"""A log file → blocks of whole lines, in bounded memory; compressed or not.

Compression is known by a file's first bytes, not by its name. A file that ends in mid-stream or in
mid-line gives what is whole, and says where it was cut off.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import pyarrow as pa

from oddwire.errors import DataError

BLOCK_BYTES = 4 << 20
LONGEST_LINE = 1 << 20
_BOM = b"\xef\xbb\xbf"
_READS = 1 << 18
NO_END = "the last line has no end"
_ZSTD_READS = 1 << 14  # of a stream that is cut off, the last read is lost
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


@dataclass(frozen=True)
class Block:
    """Whole lines of a file that follow each other.

    Parameters
    ----------
    first
        The number of the first line, counted from 1.
    data
        The lines with their line ends; the last line of a file may lack it.
    too_long
        Numbers of lines that are longer than allowed; each stands in ``data`` as an empty line.
    cut
        Why the file ends here before its time; None where it does not.
    """

    first: int
    data: bytes
    too_long: tuple[int, ...] = ()
    cut: str | None = None

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return self.data.count(b"\n") + (not self.data.endswith(b"\n") and bool(self.data))

    def line(self, number: int) -> bytes:
        """Return a line by its number in the file, without its line end."""
        return self._split[number - self.first].rstrip(b"\r")

    @cached_property
    def _split(self) -> list[bytes]:
        return self.data.split(b"\n")


def read_blocks(
    file: Path, *, size: int = BLOCK_BYTES, longest: int = LONGEST_LINE
) -> Iterator[Block]:
    """Read a file in blocks of whole lines.

    Parameters
    ----------
    file
        Plain, or compressed by gzip, zstd, bzip2 or xz.
    size
        Bytes that a block has at least, but for the last one.
    longest
        Bytes that a line may have.

    Raises
    ------
    DataError
        If the file cannot be opened.
    """
    first, rest, skipping = 1, b"", False
    for chunk, cut in _chunks(file, size):
        data = rest + chunk
        too_long: list[int] = []
        if skipping:  # the tail of a line that is too long
            end = data.find(b"\n")
            if end < 0 and cut is None and chunk:
                rest = b""
                continue
            data, skipping = (data[end:] if end >= 0 else b""), False
            too_long.append(first)
        last = not chunk
        end = len(data) if last else data.rfind(b"\n") + 1
        rest, whole = data[end:], data[:end]
        if len(rest) > longest:
            rest, skipping = b"", True
        whole = without_long_lines(whole, first, longest, too_long)
        if whole or too_long or cut:
            block = Block(first, whole, tuple(too_long), cut)
            first += block.lines
            yield block


def read_pieces(file: Path, *, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """Read a file in pieces that may end in mid-line: of a form that lines say nothing of.

    Raises
    ------
    DataError
        If the file cannot be opened.
    """
    first = 1
    for chunk, cut in _chunks(file, size):
        if chunk or cut:
            yield Block(first, chunk, cut=cut)
        first += chunk.count(b"\n")


def without_long_lines(data: bytes, first: int, longest: int, too_long: list[int]) -> bytes:
    """Empty the lines that are longer than allowed, and note their numbers in ``too_long``."""
    if len(data) <= longest:
        return data
    lines = data.split(b"\n")
    if max(map(len, lines)) <= longest:
        return data
    for at, line in enumerate(lines):
        if len(line) > longest:
            too_long.append(first + at)
            lines[at] = b""
    return b"\n".join(lines)


def is_compressed(file: Path) -> bool:
    """Tell by its first bytes whether a file is compressed.

    Raises
    ------
    DataError
        If the file cannot be opened.
    """
    with _named(file), file.open("rb") as raw:
        return compression(raw) is not None


@contextmanager
def opened(file: Path) -> Iterator[Content]:
    """Open a file for reading, decompressed.

    Raises
    ------
    DataError
        If the file cannot be opened or read.
    """
    with _named(file), file.open("rb") as raw:
        yield Content(raw)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}") from None


class Content:
    """What a file holds, decompressed.

    Attributes
    ----------
    cut
        Why it ended before its time; None where it did not, or has not ended yet.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self.cut: str | None = None
        self._read = _reader(raw)

    def read(self, size: int = _READS) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        try:
            return self._read(size)
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            self.cut = _reason(error)
            return b""


def _chunks(file: Path, size: int) -> Iterator[tuple[bytes, str | None]]:
    """Give a file's bytes in chunks, then an empty one with the reason why it ends early."""
    with opened(file) as content:
        held: list[bytes] = []
        length, begun = 0, False
        while piece := content.read():
            held.append(piece if begun else piece.removeprefix(_BOM))
            begun, length = True, length + len(piece)
            if length >= size:
                yield b"".join(held), None
                held, length = [], 0
        if held:
            yield b"".join(held), None
        yield b"", content.cut


def compression(raw: IO[bytes]) -> str | None:
    """Return by what an open file is compressed, None where it is not; at its start again."""
    head = raw.read(6)
    raw.seek(0)
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def _reader(raw: IO[bytes]) -> Callable[[int], bytes]:
    # `read1` gives what a cut-off stream still holds before it complains.
    match compression(raw):
        case "gzip":
            return gzip.GzipFile(fileobj=raw).read1
        case "bzip2":
            return bz2.BZ2File(raw).read1
        case "xz":
            return lzma.LZMAFile(raw).read1
        case "zstd":
            stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
            return lambda size: bytes(stream.read(min(size, _ZSTD_READS)))
    return raw.read


def _reason(error: Exception) -> str:
    ended = isinstance(error, EOFError) or "runcated" in str(error)
    return "the file ends in mid-stream" if ended else "the file's compression is damaged"

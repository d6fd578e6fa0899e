"""The bytes of an open log file at any offset, decompressed, and how it begins.

A log is known by the hash of its bytes up to the end of its first row: headers alone are equal in
many files, and inodes are used again.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from oddwire.traffic.sources.logs.parsing.lines import Content, compression

_READS = 1 << 18
_LONGEST_HEADING = 1 << 16


@dataclass(frozen=True)
class Head:
    """How a log begins.

    Parameters
    ----------
    digest
        Hash of its bytes up to the end of its first row.
    size
        How many bytes that are.
    heading
        How many bytes are above the first row.
    """

    digest: str
    size: int
    heading: int


class LogContent(Protocol):
    """The bytes of an open file."""

    packed: bool

    @property
    def cut(self) -> str | None:
        """Why a compressed file ended before its time, as far as it was read."""

    def stat(self) -> os.stat_result:
        """Return how the open file stands."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes, fewer only where the file ends."""

    def again(self) -> None:
        """Begin anew: a compressed file that was cut has grown."""

    def close(self) -> None:
        """Close the file."""


class PlainContent:
    """The bytes of an open file that is not compressed."""

    packed = False
    cut = None

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw

    def stat(self) -> os.stat_result:
        """Return how the open file stands."""
        return os.fstat(self._raw.fileno())

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes, fewer only where the file ends."""
        pieces = []
        while size > 0 and (piece := os.pread(self._raw.fileno(), size, offset)):
            pieces.append(piece)
            offset, size = offset + len(piece), size - len(piece)
        return b"".join(pieces)

    def again(self) -> None:
        """Begin anew: nothing is held."""

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


class PackedContent:
    """The bytes of an open file that is compressed, read onwards with few steps back."""

    packed = True

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.again()

    def again(self) -> None:
        """Begin anew: a compressed file that was cut has grown."""
        self._raw.seek(0)
        self._content = Content(self._raw)
        self._begin, self._held = 0, b""

    @property
    def cut(self) -> str | None:
        """Why the file ended before its time, as far as it was read."""
        return self._content.cut

    def stat(self) -> os.stat_result:
        """Return how the open file stands."""
        return os.fstat(self._raw.fileno())

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes, fewer only where the file ends."""
        if offset < self._begin:
            self.again()
        pieces, end = [self._held], self._begin + len(self._held)
        while end < offset + size and (piece := self._content.read(_READS)):
            pieces.append(piece)
            end += len(piece)
            if end <= offset:  # on the way there
                pieces, self._begin = [], end
        held = b"".join(pieces)
        passed = min(max(offset - self._begin, 0), len(held))
        self._held, self._begin = held[passed:], self._begin + passed
        return self._held[:size] if self._begin == offset else b""

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


def open_content(path: Path) -> LogContent:
    """Open a file.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    raw = io.FileIO(path)
    try:
        if compression(raw) is None:
            return PlainContent(raw)
        return PackedContent(io.BufferedReader(raw))
    except BaseException:
        raw.close()
        raise


def heading_at(content: LogContent, offset: int, is_heading: Callable[[bytes], bool]) -> bytes:
    """Return the lines of a header from an offset on."""
    data, end = content.read_at(offset, _LONGEST_HEADING), 0
    while (line := data.find(b"\n", end) + 1) and is_heading(data[end:line]):
        end = line
    return data[:end]


def head_of(
    content: LogContent, is_heading: Callable[[bytes], bool], *, longest: int
) -> Head | None:
    """Return how a log begins, None while its first row is not complete.

    Parameters
    ----------
    is_heading
        Tells lines above the rows, as a header, from rows.
    longest
        How many bytes a line may have; of a first row that is longer, so many count.
    """
    data, begin, most = b"", 0, 1 << 12
    while True:
        data = content.read_at(0, most)
        while (
            (end := data.find(b"\n", begin) + 1) and begin < longest and is_heading(data[begin:end])
        ):
            begin = end
        if end or len(data) - begin > longest:
            end = end or begin + longest
            return Head(_digest(data[:end]), end, begin)
        if len(data) < most:
            return None
        most *= 4


def has_head(content: LogContent, head: Head) -> bool:
    """Tell whether a log begins so."""
    data = content.read_at(0, head.size)
    return len(data) == head.size and _digest(data) == head.digest


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()

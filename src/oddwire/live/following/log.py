"""One log on its way through files: how far it was read, and the file that it is read from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from oddwire.live.following import Chunk, Limits
from oddwire.live.following.contents import Head, LogContent, has_head, heading_at, open_content
from oddwire.live.following.line_blocks import Lines, complete_lines, unfinished_line
from oddwire.live.following.listing import Found
from oddwire.traffic.sources.logs.parsing.lines import Block

_PASSED = 4 << 20  # bytes at once
_HEADER = b"\n#separator"  # of Zeek: another may follow in mid-file


@dataclass
class Reached:
    """How far a log was read: plain values, to be saved.

    There may be thousands of logs that are closed: they are saved as short as can be.

    Parameters
    ----------
    number
        Which log it is in the order in which they were begun.
    path
        Where it was when it was begun; empty where it was closed before.
    device, inode
        The file that it was last read from.
    head, heading
        How many bytes there are up to the end of its first row, and above that row.
    offset
        Behind the end of the last line that was read, in the bytes decompressed.
    lines
        How many lines that were.
    closed
        Whether no more is expected of it.
    above
        Where the header begins that what was passed over unread ended below.
    missed
        Whether it was said that its file is gone, or holds another log now.
    """

    number: int
    path: str
    device: int
    inode: int
    head: int
    heading: int
    offset: int = 0
    lines: int = 0
    closed: bool = False
    above: int = 0
    missed: bool = False

    def plain(self) -> dict[str, Any]:
        """Return the values, as JSON can hold them."""
        values = asdict(self)
        if not self.closed:
            return values
        return {"closed": [values[name] for name in _OF_CLOSED]}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Reached:
        """Take up what was saved."""
        if isinstance(closed := values["closed"], list):
            return cls(path="", closed=True, **dict(zip(_OF_CLOSED, closed, strict=True)))
        return cls(**values)


_OF_CLOSED = [one.name for one in fields(Reached) if one.name not in {"path", "closed", "missed"}]


class Truncated(Exception):  # noqa: N818 - it is caught a floor above, and no one sees it
    """The open file is no longer the log that it was."""


class Log:
    """A log that is or was followed."""

    def __init__(self, digest: str, reached: Reached, limits: Limits) -> None:
        self.digest = digest
        self.reached = reached
        self.missing = 0  # how many looks in a row have not found it
        self.has_moved = False  # its file has another name than it had, or none
        self.files: tuple[Found, ...] = ()  # that may have more of it
        self.here = Path(reached.path)
        self._limits = limits
        self._content: LogContent | None = None
        self._size = -1
        self._grown = time.monotonic()  # the clock of the wall may be set back
        self._heading = b""

    @property
    def place(self) -> tuple[int, int]:
        """The device and inode that it was last read from."""
        return self.reached.device, self.reached.inode

    @property
    def is_open(self) -> bool:
        """Whether a file of it is open."""
        return self._content is not None

    @property
    def still_for(self) -> float:
        """For how many seconds it has not grown."""
        return time.monotonic() - self._grown

    @property
    def is_packed(self) -> bool:
        """Whether the open file is compressed."""
        return self._content is not None and self._content.packed

    @property
    def is_cut(self) -> bool:
        """Whether the open file is compressed and ends in mid-stream, as far as it was read."""
        return self._content is not None and self._content.cut is not None

    def open(self, found: Found) -> bool:
        """Read on from a file; tell whether it is still the one that was found."""
        self.close_file()
        try:
            content = open_content(found.path)
        except FileNotFoundError:
            return False
        try:
            now = content.stat()
            is_it = (now.st_dev, now.st_ino) == found.place and has_head(content, self._head)
            self._heading = self._heading_of(content) if is_it else b""
        except BaseException:
            content.close()
            raise
        if not is_it:
            content.close()
            return False
        self._content, self.here, self.missing = content, found.path, 0
        self.reached.device, self.reached.inode = found.place
        self._size = -1
        self._grown = time.monotonic() - max(time.time() - now.st_mtime, 0)
        return True

    def close_file(self) -> None:
        """Close the open file."""
        if self._content is not None:
            self._content.close()
            self._content = None

    def read(self, most: int) -> Chunk | None:
        """Return the next complete lines, None where there are none.

        Raises
        ------
        Truncated
            If the open file was truncated or written anew.
        """
        content = self._content
        if content is None:
            return None
        size = content.stat().st_size
        if size == self._size:
            return None
        if size < self.reached.offset and not content.packed:
            raise Truncated
        if self._size >= 0:
            self._grown = time.monotonic()
        if content.cut is not None:
            content.again()
        lines = complete_lines(
            content.read_at, self.reached.offset,
            first=self.reached.lines + 1, most=most, longest=self._limits.line_bytes,
        )  # fmt: skip
        self._check(lines)
        if lines is None:
            self._size = size
            return None
        return self._chunk(lines)

    def skip(self) -> None:
        """Pass over what is there, up to the end of the last line: not a row of it is read.

        Raises
        ------
        Truncated
            As by `read`.
        """
        content, reached, tail = self._content, self.reached, b""
        at = end = above = lines = 0
        while content is not None and (piece := content.read_at(at, _PASSED)):
            lines += piece.count(b"\n")
            end = at + newest + 1 if (newest := piece.rfind(b"\n")) >= 0 else end
            if (header := (tail + piece).rfind(_HEADER)) >= 0:
                above = at - len(tail) + header + 1
            tail, at = piece[-len(_HEADER) :], at + len(piece)
        reached.offset, reached.lines, reached.above = end, lines, above if above < end else 0
        self._check(None)
        if content is not None:
            self._heading = self._heading_of(content)

    def start_again(self) -> None:
        """Read from the start: its file is shorter than what was read of it."""
        self.close_file()
        self.reached.offset = self.reached.lines = self.reached.above = 0
        self.reached.closed = self.reached.missed = False

    def end(self) -> Chunk:
        """Return what is left: nothing, or a last line without its end.

        Raises
        ------
        Truncated
            As by `read`.
        """
        lines = None
        if self._content is not None:
            lines = unfinished_line(
                self._content.read_at, self.reached.offset, cut=self._content.cut,
                first=self.reached.lines + 1, longest=self._limits.line_bytes,
            )  # fmt: skip
            self._check(lines)
        self.reached.closed = True
        self.close_file()
        if lines is not None:
            return self._chunk(lines, ends=True)
        block = Block(self.reached.lines + 1, b"")
        return Chunk(self.digest, str(self.here), block, self._heading, ends=True)

    @property
    def _head(self) -> Head:
        return Head(self.digest, self.reached.head, self.reached.heading)

    def _heading_of(self, content: LogContent) -> bytes:
        if not self.reached.above:
            return content.read_at(0, self.reached.heading)
        return heading_at(content, self.reached.above, lambda line: line.startswith(b"#"))

    def _check(self, lines: Lines | None) -> None:
        """See after reading that what was read was still the log."""
        content = self._content
        if content is None or content.packed:  # nobody writes into the middle of such a file
            return
        end = self.reached.offset if lines is None else lines.end
        if content.stat().st_size < end or not has_head(content, self._head):
            raise Truncated

    def _chunk(self, lines: Lines, *, ends: bool = False) -> Chunk:
        self.reached.offset = lines.end
        self.reached.lines += lines.block.lines
        return Chunk(self.digest, str(self.here), lines.block, self._heading, ends=ends)

"""Bytes at an offset → the complete lines there, none longer than allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from oddwire.traffic.sources.logs.parsing.lines import Block, without_long_lines

ReadAt = Callable[[int, int], bytes]  # offset and size → bytes, fewer only at the end
_BOM = b"\xef\xbb\xbf"
_SCAN = 1 << 18


@dataclass(frozen=True)
class Lines:
    """Complete lines.

    Parameters
    ----------
    block
        The lines.
    end
        The offset behind the last line's end.
    """

    block: Block
    end: int


def complete_lines(
    read_at: ReadAt, offset: int, *, first: int, most: int, longest: int
) -> Lines | None:
    """Return the complete lines from an offset on, None where none is complete.

    Parameters
    ----------
    offset
        Where a line begins.
    first
        The number of that line.
    most
        About how many bytes to return.
    longest
        How many bytes a line may have.
    """
    data = read_at(offset, max(most, 1))
    end = data.rfind(b"\n") + 1
    if not end and len(data) >= most:  # a line longer than what is wanted, or than allowed
        data += read_at(offset + len(data), max(longest + 1 - len(data), 0))
        end = data.find(b"\n") + 1
        if not end and len(data) > longest:
            return _long_line(read_at, offset, len(data), first)
    return Lines(_block(data[:end], offset, first, longest), offset + end) if end else None


def unfinished_line(
    read_at: ReadAt, offset: int, *, first: int, longest: int, cut: str | None = None
) -> Lines | None:
    """Return the line that a log ends in without its end, None where there is none.

    Parameters
    ----------
    cut
        Why the log ends before its time, if its file says so.
    """
    data = read_at(offset, longest + 1)
    if not data:
        return None
    if len(data) <= longest:
        block = _block(data, offset, first, longest)
        return Lines(replace(block, cut=cut), offset + len(data))
    end = offset + len(data)
    while piece := read_at(end, _SCAN):
        end += len(piece)
    return Lines(Block(first, b"\n", (first,), cut), end)


def _block(data: bytes, offset: int, first: int, longest: int) -> Block:
    if not offset:
        data = data.removeprefix(_BOM)
    too_long: list[int] = []
    data = without_long_lines(data, first, longest, too_long)
    return Block(first, data, tuple(too_long))


def _long_line(read_at: ReadAt, offset: int, scanned: int, first: int) -> Lines | None:
    """Look for the end of a line that is too long, without holding it."""
    at = offset + scanned
    while piece := read_at(at, _SCAN):
        if (found := piece.find(b"\n")) >= 0:
            return Lines(Block(first, b"\n", (first,)), at + found + 1)
        at += len(piece)
    return None

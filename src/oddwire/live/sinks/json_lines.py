"""A file of JSON lines, to which every message is written exactly once, by position.

The store knows how long the file was when it last held whole messages only. What lies beyond that
after a kill can only be the beginning of what the very next delivery writes, since that delivers
the same messages again: so as much as is there stays, zeros that a power cut left are cut off, and
the writing goes on where it was torn. What others wrote is never cut: messages come after it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from oddwire.live.sinks.contract import Unreachable

if TYPE_CHECKING:
    from oddwire.live.state import Message

_LINES = 1000
_PIECE = 1 << 20
_NEW_LINE = ord("\n")
_LOCKED = {errno.EWOULDBLOCK, errno.EAGAIN}


class Place(msgspec.Struct, frozen=True):
    """Which file it was, and how long with whole messages only."""

    device: int
    inode: int
    length: int


class JsonLines:
    """Appends messages to a file.

    Parameters
    ----------
    path
        The file; its folder is made where it is missing. Renamed or emptied by a tool that rotates
        logs, it is begun anew. While it is open nothing else of oddwire can open it.
    """

    most = _LINES

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def deliver(self, messages: Sequence[Message], place: str) -> str:
        """Write messages behind the place, and have the disk keep them."""
        text = b"".join(_line(message) for message in messages)
        try:
            file = self._opened()
            begins = _begin(file, text, place)
            _go_on(file, text, begins)
            os.fsync(file)
        except OSError as error:
            said = "another process writes to it" if error.errno in _LOCKED else error.strerror
            raise Unreachable(f"{self.path}: {said}") from error
        now = os.fstat(file)
        return msgspec.json.encode(Place(now.st_dev, now.st_ino, begins + len(text))).decode()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is not None and not self._is_there(self._file):
            self.close()  # rotated: whoever renamed it has it now
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = not self.path.exists()
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
                raise
            self._file = file
            if fresh:
                _keep_name(self.path.parent)
        return self._file

    def _is_there(self, file: int) -> bool:
        held = os.fstat(file)
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return False
        return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)


def _line(message: Message) -> bytes:
    return message.body.encode("utf-8") + b"\n"


def _begin(file: int, text: bytes, place: str) -> int:
    """Return where in a file a text begins: what of it a kill left there counts."""
    held = _without_zeros(file, len(text))
    if place:
        known = msgspec.json.decode(place, type=Place)
        same = (known.device, known.inode) == (held.st_dev, held.st_ino)
        if same and known.length <= held.st_size:
            there = _read(file, known.length, len(text))
            if text.startswith(there):
                return known.length
    return _at_the_end(file, text, held.st_size)


def _at_the_end(file: int, text: bytes, size: int) -> int:
    """Return where a text begins in a file that others wrote to, that is new or was emptied."""
    first = max(0, size - len(text) - 1)
    tail = _read(file, first, size - first)
    line_starts = [0] if first == 0 else []
    line_starts += [at + 1 for at, letter in enumerate(tail) if letter == _NEW_LINE]
    for start in line_starts:
        if text.startswith(tail[start:]):
            return first + start
    _write(file, b"\n", size)  # after somebody's torn line
    return size + 1


def _go_on(file: int, text: bytes, begins: int) -> None:
    """Write what of a text is not there yet; nothing behind it is touched."""
    there = _read(file, begins, len(text))
    _write(file, text[len(there) :], begins + len(there))


def _without_zeros(file: int, most: int) -> os.stat_result:
    """Cut off what a power cut left where the length was kept and the text was not."""
    size = os.fstat(file).st_size
    tail = _read(file, max(0, size - most), min(size, most))
    if tail.endswith(b"\0"):
        os.ftruncate(file, size - len(tail) + len(tail.rstrip(b"\0")))
    return os.fstat(file)


def _read(file: int, start: int, size: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < size:
        piece = os.pread(file, min(size - len(pieces), _PIECE), start + len(pieces))
        if not piece:
            break
        pieces += piece
    return bytes(pieces)


def _write(file: int, text: bytes, start: int) -> None:
    done = 0
    while done < len(text):
        done += os.pwrite(file, text[done : done + _PIECE], start + done)


def _keep_name(folder: Path) -> None:
    """Have the disk keep the name of a new file."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

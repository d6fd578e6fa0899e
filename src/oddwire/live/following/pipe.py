"""Standard input, or another pipe, followed until it ends.

A pipe gives what it holds once: after a process that was killed, what it had read and not
processed is gone. A position counts lines here and cannot be gone on from.
"""

from __future__ import annotations

import fcntl
import os
import select
from contextlib import suppress

from oddwire.live.following import Batch, Chunk, Limits, Position
from oddwire.traffic.sources.logs.parsing.lines import Block, without_long_lines

_LOG = "pipe"
_BOM = b"\xef\xbb\xbf"
_READS = 1 << 18
_PIPE_BYTES = 1 << 20  # that its writer can be ahead: as much as any user may ask for
_USUAL = Limits()


class PipeFollower:
    """Follows an open file of which nothing can be read twice.

    Parameters
    ----------
    handle
        Its file descriptor; 0 is standard input.
    origin
        What to call it in a message.
    limits
        How much is read at once.
    """

    has_end = True

    def __init__(
        self, handle: int = 0, *, origin: str = "standard input", limits: Limits = _USUAL
    ) -> None:
        self._handle, self._origin, self._limits = handle, origin, limits
        self._held, self._lines, self._offset = b"", 0, 0
        self._skipping = False  # of a line that is too long
        self._at_end = self._told_end = False
        with suppress(OSError, AttributeError):  # no pipe, one of another system, or too large
            fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    @property
    def ended(self) -> bool:
        """Whether the writer has closed it, and all was read."""
        return self._told_end

    def poll(self, *, final: bool = False) -> Batch | None:  # noqa: ARG002 - a pipe tells its end
        """Return what there is to read now, None where there is nothing."""
        self._fill()
        too_long: list[int] = []
        data = self._long_line_passed(too_long)
        end = len(data) if self._at_end else data.rfind(b"\n") + 1
        whole, self._held = data[:end], data[end:]
        self._offset += len(whole)
        if len(self._held) > self._limits.line_bytes:
            self._offset, self._held, self._skipping = self._offset + len(self._held), b"", True
        if (not whole and not too_long and not self._at_end) or self._told_end:
            return None
        if not self._lines:
            whole = whole.removeprefix(_BOM)
        first = self._lines + 1
        data = without_long_lines(whole, first, self._limits.line_bytes, too_long)
        block = Block(first, data, tuple(too_long))
        self._lines += block.lines
        self._told_end = self._at_end
        position = {_LOG: {"offset": self._offset, "lines": self._lines}}
        return Batch(
            (Chunk(_LOG, self._origin, block, ends=self._at_end),), position, dict(position)
        )

    def confirm(self, position: Position) -> None:
        """There is nothing to let go of."""

    def close(self) -> None:
        """The pipe is whose it was."""

    def _fill(self) -> None:
        held, size = [self._held], len(self._held)
        most = size + self._limits.batch_bytes
        while size < most and not self._at_end and select.select([self._handle], [], [], 0)[0]:
            piece = os.read(self._handle, min(_READS, most - size))
            self._at_end = not piece
            held.append(piece)
            size += len(piece)
        self._held = b"".join(held)

    def _long_line_passed(self, too_long: list[int]) -> bytes:
        """Leave out the rest of a line that is too long; it stays as an empty line."""
        data = self._held
        if not self._skipping:
            return data
        end = data.find(b"\n")
        if end < 0 and not self._at_end:
            self._offset += len(data)
            return b""
        self._offset += max(end, 0)
        self._skipping = False
        too_long.append(self._lines + 1)
        return data[end:] if end >= 0 else b"\n"

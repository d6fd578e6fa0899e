"""The headers of logs by their files: one that was truncated in place may go on without any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from oddwire.errors import DataError
from oddwire.live.following import Chunk
from oddwire.traffic.sources.logs.growing.chunks import ChunkReader
from oddwire.traffic.sources.logs.growing.state import ReaderState
from oddwire.traffic.sources.logs.parsing.lines import Block
from oddwire.traffic.sources.logs.recognising import HEAD_BYTES, kind_of

_MOST = 8  # files: those that were read last
_MOST_LINES = 20  # are tried


class Headings:
    """What the last logs were read with.

    Parameters
    ----------
    saved
        What `plain` returned.
    """

    def __init__(self, saved: Mapping[str, Mapping[str, Any]]) -> None:
        self._plain = dict(saved)

    def plain(self) -> Mapping[str, Mapping[str, Any]]:
        """Return it as values that JSON can hold."""
        return self._plain

    def keep(self, origin: str, state: ReaderState | None) -> None:
        """Keep with which header a file is read."""
        if state is None or state.kind is None or not state.heading:
            return
        known = ReaderState(kind=state.kind, heading=state.heading).plain()
        others = {key: kept for key, kept in self._plain.items() if key != origin}
        self._plain = {**others, origin: known}
        if len(self._plain) > _MOST:
            del self._plain[next(iter(self._plain))]

    def of(
        self, reader: ChunkReader, chunk: Chunk, state: ReaderState | None
    ) -> ReaderState | None:
        """Return with what to read a chunk of which nobody can tell what it is.

        Parameters
        ----------
        state
            What was unread before it, if anything was.

        Returns
        -------
        None where its file had no header before, or one that does not fit: most of its first lines
        must be rows below it, with as many columns and values as these hold.
        """
        kept = self._plain.get(chunk.origin)
        unread = b"" if state is None else state.unread
        data = (unread + chunk.block.data)[:HEAD_BYTES]
        if kept is None or chunk.heading or not data.strip() or _is_known(data, chunk.origin):
            return None
        before = ReaderState.of(kept)
        lines = [line for line in data.split(b"\n")[:-1] if line.strip()][:_MOST_LINES]
        try:
            parts, _ = reader.read(
                Block(2, b"".join(line + b"\n" for line in lines)), before, origin=chunk.origin
            )
        except DataError:
            return None
        rows = sum(len(part.connections) for part in parts)
        return replace(before, unread=unread) if 2 * rows > len(lines) else None


def _is_known(data: bytes, origin: str) -> bool:
    try:
        return kind_of(data, origin=origin) is not None
    except DataError:  # a table for people
        return True

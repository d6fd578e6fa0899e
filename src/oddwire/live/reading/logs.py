"""The logs of an input: what of each was read, and its next lines as connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oddwire.errors import DataError
from oddwire.live.following import Chunk
from oddwire.live.reading.headings import Headings
from oddwire.percent import percent
from oddwire.traffic.archive.refused import is_too_many
from oddwire.traffic.sources.logs.growing.chunks import ChunkReader
from oddwire.traffic.sources.logs.growing.state import ReaderState
from oddwire.traffic.sources.logs.parsing.lines import Block
from oddwire.traffic.wire_text import printable, shown_path

if TYPE_CHECKING:
    import pyarrow as pa

    from oddwire.traffic.sources.logs import LogPart

_LONGEST_REASON = 200
_HEADINGS = "headings"  # stands among the logs, of which none is called so


@dataclass
class LogState:
    """What is known of a log.

    Parameters
    ----------
    reader
        What its reader must know to go on; None where the lines above its rows are enough.
    rows, refused
        How many of its lines were read, and how many could not be.
    is_told
        Whether a person was told that too many were refused.
    is_wrong
        Whether it is a log of another kind, of which nothing is read.
    is_unknown
        Whether a person was told that nobody can tell yet what it is.
    """

    reader: ReaderState | None = None
    rows: int = 0
    refused: int = 0
    is_told: bool = False
    is_wrong: bool = False
    is_unknown: bool = False

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON can hold; what says nothing is left out."""
        reader = None if self.reader is None else self.reader.plain()
        said = {
            **vars(self),
            "reader": reader and {name: one for name, one in reader.items() if one},
        }
        return {name: value for name, value in said.items() if value}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> LogState:
        """Take up what `plain` returned."""
        reader = plain.get("reader")
        known = reader and ReaderState.of({**ReaderState().plain(), **reader})
        return cls(**{**plain, "reader": known})


@dataclass(frozen=True)
class Told:
    """What a chunk gave.

    Parameters
    ----------
    connections
        Tables of connections.
    first
        The number of the first one in its log, counted from 1.
    refused
        How many lines could not be read.
    refusals
        The first few of them as sentences.
    notices
        What a person should hear of.
    """

    connections: tuple[pa.Table, ...] = ()
    first: int = 1
    refused: int = 0
    refusals: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


class Logs:
    """The logs of an input.

    Parameters
    ----------
    reader
        Reads their lines.
    most_refused
        The largest share of a log's lines that may be refused without a word.
    saved
        What `plain` returned.
    messages
        Whether their lines are messages, of which some may be anything; otherwise a log that is of
        another kind is so to its end.
    """

    def __init__(
        self,
        reader: ChunkReader,
        *,
        most_refused: float,
        saved: Mapping[str, Mapping[str, Any]],
        messages: bool = False,
    ) -> None:
        self._reader, self._most, self._messages = reader, most_refused, messages
        only = reader.kinds if messages and reader.kinds and len(reader.kinds) == 1 else None
        self._begin = ReaderState(kind=only[0]) if only else None
        self._plain = dict(saved)
        self._headings = Headings(self._plain.get(_HEADINGS, {}))
        self._states: dict[str, LogState] = {}

    def plain(self) -> dict[str, Mapping[str, Any]]:
        """Return what is known of all logs, as values that JSON can hold."""
        return self._plain

    def forget(self, log: str) -> None:
        """Let go of a log that is gone for good."""
        self._states.pop(log, None)
        self._plain.pop(log, None)

    def read(self, chunk: Chunk, *, refusals: int) -> Told:
        """Read the next lines of a log.

        Parameters
        ----------
        refusals
            How many refused lines to tell as sentences.
        """
        state = self._states.get(chunk.log) or LogState.of(self._plain.get(chunk.log, {}))
        self._states[chunk.log] = state
        parts: list[LogPart] = []
        notices: list[str] = []
        if chunk.block.first == 1:
            parts += self._from_start(state, chunk)
        if not state.is_wrong:
            notices += self._without_header(state, chunk)
            try:
                parts += self._parts(state, chunk)
            except DataError as error:
                notices += self._wrong(state, chunk, error)
            self._keep_heading(state, chunk)
        notices += self._unknown(state, chunk)
        told = self._told(chunk, state, parts, refusals)
        if chunk.ends:
            del self._states[chunk.log]
            state.reader = None
        self._plain[chunk.log] = state.plain()
        return replace(told, notices=(*notices, *told.notices))

    def _parts(self, state: LogState, chunk: Chunk) -> list[LogPart]:
        parts, state.reader = self._reader.read(
            chunk.block, state.reader,
            origin=shown_path(chunk.origin), heading=chunk.heading, ends=chunk.ends,
        )  # fmt: skip
        return parts

    def _without_header(self, state: LogState, chunk: Chunk) -> list[str]:
        """Read on as before what was truncated in place, and has no header of its own now."""
        if self._messages or (state.reader is not None and state.reader.kind is not None):
            return []
        if (before := self._headings.of(self._reader, chunk, state.reader)) is None:
            return []
        state.reader = before
        return [f"{shown_path(chunk.origin)} has no header: it is read with the one it had before"]

    def _keep_heading(self, state: LogState, chunk: Chunk) -> None:
        self._headings.keep(chunk.origin, state.reader)
        if known := self._headings.plain():
            self._plain[_HEADINGS] = known

    def _wrong(self, state: LogState, chunk: Chunk, error: DataError) -> list[str]:
        """Leave out what is of another kind: the log, or these messages."""
        state.reader, state.is_wrong = self._begin, not self._messages
        if not self._messages:
            return [f"{printable(str(error))}: nothing of it is read"]
        state.refused += chunk.block.lines
        is_told, state.is_told = state.is_told, True
        return [] if is_told else [f"{printable(str(error))}: such messages are left out"]

    def _unknown(self, state: LogState, chunk: Chunk) -> list[str]:
        """Say once of a log that has rows, and nothing that tells its kind."""
        unread = b"" if state.reader is None else state.reader.unread
        rows = sum(bool(line.strip()) and line[:1] != b"#" for line in unread.splitlines())
        if state.is_unknown or not rows:
            return []
        state.is_unknown = True
        lines = "1 line is" if rows == 1 else f"{rows:,} lines are"
        said = f"its beginning is of no known log (is a header missing?); {lines} not read so far"
        return [f"{shown_path(chunk.origin)}: {said}"]

    def _from_start(self, state: LogState, chunk: Chunk) -> list[LogPart]:
        """Begin a log, or begin it again; what its reader still held is read then."""
        before, state.reader = state.reader, self._begin
        state.is_wrong = False
        if before is None or before == self._begin:
            return []
        try:
            return self._reader.read(Block(2, b""), before, origin=chunk.origin, ends=True)[0]
        except DataError:  # too little to tell what it was
            return []

    def _told(self, chunk: Chunk, state: LogState, parts: list[LogPart], most: int) -> Told:
        tables = tuple(part.connections for part in parts)
        first = state.rows + 1
        refused = sum(len(part.refused) for part in parts)
        state.rows += sum(map(len, tables))
        state.refused += refused
        notices = tuple(f"{shown_path(chunk.origin)}: {part.cut}" for part in parts if part.cut)
        if not state.is_told and is_too_many(state.refused, state.rows, most=self._most):
            state.is_told = True
            notices += (self._many(chunk, state),)
        return Told(tables, first, refused, tuple(_sentences(chunk, parts, most)), notices)

    def _many(self, chunk: Chunk, state: LogState) -> str:
        lines = state.refused + state.rows
        return (
            f"{shown_path(chunk.origin)}: {state.refused:,} of {lines:,} rows were refused"
            f" ({percent(state.refused / lines)}), more than max_refused_share"
            f" ({percent(self._most)}); it is read on"
        )


def _sentences(chunk: Chunk, parts: list[LogPart], most: int) -> Iterator[str]:
    every = (one for part in parts for one in part.refused)
    for _, one in zip(range(most), every, strict=False):
        reason = printable(one.reason, _LONGEST_REASON)
        yield f"{shown_path(chunk.origin)}, line {one.line:,}: {reason}"

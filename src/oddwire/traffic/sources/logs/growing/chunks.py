"""A chunk of a log that is still written → its connections, as the readers of whole files see it.

Each chunk goes through the reader of its kind, below the header that it stands under; what the
reader knows then is handed to the next chunk. Two things differ from a file that is whole: of a
connection that is told several times, each record is a row (the last one is not known yet); and a
capture, or JSON that is spread over lines, cannot be read so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

from oddwire.errors import DataError
from oddwire.traffic.sources.logs import LogPart, suricata
from oddwire.traffic.sources.logs.growing.state import ReaderState
from oddwire.traffic.sources.logs.netflow import argus, nfdump
from oddwire.traffic.sources.logs.parsing.columns import LOG_SCHEMA, too_long
from oddwire.traffic.sources.logs.parsing.lines import NO_END, Block
from oddwire.traffic.sources.logs.reading import LogSettings, expected
from oddwire.traffic.sources.logs.recognising import HEAD_BYTES, LogKind, kind_of
from oddwire.traffic.sources.logs.zeek import json, tsv

Parts = Generator[LogPart, None, ReaderState]


@dataclass(frozen=True)
class ChunkReader:
    """Reads logs chunk by chunk.

    Parameters
    ----------
    settings
        How the logs are to be understood.
    kinds
        The kinds that they may be of; any by default.
    """

    settings: LogSettings
    kinds: tuple[LogKind, ...] | None = None

    def read(
        self,
        block: Block,
        state: ReaderState | None = None,
        *,
        origin: str,
        heading: bytes = b"",
        ends: bool = False,
    ) -> tuple[list[LogPart], ReaderState]:
        """Read the next chunk of a log.

        Parameters
        ----------
        block
            Whole lines, with the number of the first.
        state
            What was returned with the chunk before; None where there was none.
        origin
            What to call the log in an error.
        heading
            The lines above the first row of the log, to begin further down in it.
        ends
            Whether the log ends here.

        Returns
        -------
        What the chunk gave, and what to hand on with the next one.

        Raises
        ------
        DataError
            If it is a log of another kind, or its header lacks what is needed.
        """
        if state is None:
            state = ReaderState(heading=heading if block.first > 1 else b"")
        if state.unread:  # blank lines stand for what is known not to be read
            block = _with_unread(state.unread, block)
            state = replace(state, unread=b"")
        kind = state.kind or self._kind(state.heading + block.data, origin, ends=ends)
        if kind is None:
            unread = LogPart(LOG_SCHEMA.empty_table(), too_long(block))
            return [unread], replace(state, unread=block.data if not ends else b"")
        parts = _READERS[kind](block, replace(state, kind=kind), self.settings, origin, ends)
        every: list[LogPart] = []
        while True:
            try:
                every.append(next(parts))
            except StopIteration as end:
                state = end.value
                break
        if cut := block.cut or (NO_END if block.data[-1:] not in (b"\n", b"") else None):
            every.append(LogPart(LOG_SCHEMA.empty_table(), cut=cut))
        return every, state

    def _kind(self, head: bytes, origin: str, *, ends: bool) -> LogKind | None:
        kind = kind_of(head[:HEAD_BYTES], origin=origin)
        if kind is None and ((len(head) < HEAD_BYTES and not ends) or not head.strip()):
            return None
        if kind is None or (self.kinds is not None and kind not in self.kinds):
            raise expected(self.kinds, kind, origin)
        if kind not in _READERS or (kind == "nfdump" and nfdump.is_spread(head)):
            raise DataError(f"{origin}: what is no log of lines cannot be read while it is written")
        return kind


def _with_unread(unread: bytes, block: Block) -> Block:
    first = block.first - unread.count(b"\n")
    return replace(block, first=first, data=unread + block.data)


def _below(heading: bytes, block: Block) -> Iterator[Block]:
    """Give the header as if it were the file's beginning, then the chunk."""
    if heading:
        yield Block(1, heading)
    yield block


def _zeek_tsv(
    block: Block, state: ReaderState, settings: LogSettings, origin: str, _: bool
) -> Parts:
    blocks = _below(state.heading, block)
    header = yield from tsv.read(blocks, origin=origin, labels=settings.labels)
    return replace(state, heading=header.written())


def _zeek_json(
    block: Block, state: ReaderState, settings: LogSettings, origin: str, _: bool
) -> Parts:
    yield from json.read([block], origin=origin, labels=settings.labels)
    return state


def _suricata(
    block: Block, state: ReaderState, settings: LogSettings, origin: str, ends: bool
) -> Parts:
    waiting = yield from suricata.read(
        [block], origin=origin, alerts=settings.alerts, waiting=state.waiting, ends=ends
    )
    return replace(state, waiting=waiting)


def _argus(block: Block, state: ReaderState, settings: LogSettings, origin: str, _: bool) -> Parts:
    yield from argus.read(
        _below(state.heading, block), origin=origin, zone=settings.zone, labels=settings.labels
    )
    return state if state.heading else replace(state, heading=_first_line(block))


def _nfdump(block: Block, state: ReaderState, settings: LogSettings, origin: str, _: bool) -> Parts:
    yield from nfdump.read(_below(state.heading, block), origin=origin, zone=settings.zone)
    return replace(state, heading=nfdump.last_header(block.data) or state.heading)


def _first_line(block: Block) -> bytes:
    return block.data.partition(b"\n")[0] + b"\n"


_READERS: dict[LogKind, Callable[[Block, ReaderState, LogSettings, str, bool], Parts]] = {
    "zeek_tsv": _zeek_tsv,
    "zeek_json": _zeek_json,
    "suricata": _suricata,
    "argus": _argus,
    "nfdump": _nfdump,
}

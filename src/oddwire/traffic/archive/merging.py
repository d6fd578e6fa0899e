"""Parts → one stream of rows in the order in which they could be known, in bounded memory.

Of parts that follow each other one is read after the other. Parts that overlap in time, of several
sensors or threads of a sensor, are merged by their clocks; at the same moment the part that began
earlier comes first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oddwire.traffic.archive.parts import Piece, Times

_LEAST = 1_000


@dataclass(frozen=True)
class Stream:
    """A part that has not been opened yet.

    Parameters
    ----------
    first
        No row of it is known before, in microseconds since 1970.
    open
        Opens it, to be read at most so many rows at a time.
    """

    first: int
    open: Callable[[int], Iterator[Piece]]


def merged(streams: Sequence[Stream], *, rows: int) -> Iterator[tuple[pa.Table, Times]]:
    """Yield the rows of all streams, and their clock, in order.

    Parameters
    ----------
    streams
        In the order of their first known-at.
    rows
        About so many are held at once.
    """
    waiting = deque(enumerate(streams))
    active: list[_Reader] = []
    while waiting or active:
        while waiting and (not active or waiting[0][1].first <= min(one.last for one in active)):
            order, stream = waiting.popleft()
            size = max(_LEAST, rows // (len(active) + 1))
            reader = _Reader(order, stream.open(size))
            if reader.fill():
                active.append(reader)
        if active:
            yield _next(active)
            active = [reader for reader in active if reader.fill()]


def in_batches(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Put tables together and yield so many rows at a time, the rest last."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += len(table)
        if count < rows:
            continue
        whole, begin = pa.concat_tables(held), 0
        while count - begin >= rows:
            yield whole.slice(begin, rows)
            begin += rows
        held, count = [whole.slice(begin)], count - begin
    if count:
        yield pa.concat_tables(held)


class _Reader:
    """An opened stream, and its rows that were read and not yet taken."""

    def __init__(self, order: int, pieces: Iterator[Piece]) -> None:
        self.order = order
        self._pieces = pieces
        self._table: pa.Table = None
        self._clock: Times = np.empty(0, np.int64)

    @property
    def last(self) -> int:
        """Known-at of the last row that is held."""
        return int(self._clock[-1])

    def fill(self) -> bool:
        """Hold rows again where all were taken; False where there are no more."""
        while not len(self._clock):
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._table, self._clock = piece.table, piece.clock
        return True

    def take(self, until: int, *, included: bool) -> tuple[pa.Table, Times]:
        """Take the rows that are known before a moment, or at it as well."""
        end = int(np.searchsorted(self._clock, until, side="right" if included else "left"))
        taken = self._table.slice(0, end), self._clock[:end]
        self._table, self._clock = self._table.slice(end), self._clock[end:]
        return taken


def _next(active: Sequence[_Reader]) -> tuple[pa.Table, Times]:
    """Take the rows that no row still to be read comes before."""
    until = min(reader.last for reader in active)
    # The next rows of this one may be known at that very moment, and come before later parts'.
    limiting = next(reader for reader in active if reader.last == until)
    taken = [reader.take(until, included=reader.order <= limiting.order) for reader in active]
    taken = [one for one in taken if len(one[1])]
    if len(taken) == 1:
        return taken[0]
    table = pa.concat_tables([one[0] for one in taken])
    clock = np.concatenate([one[1] for one in taken])
    order = np.argsort(clock, kind="stable")
    return table.take(pa.array(order)), clock[order]

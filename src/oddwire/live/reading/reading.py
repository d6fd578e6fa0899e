"""A source that is read as it grows: micro-batches of connections."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from oddwire.errors import OddwireError
from oddwire.live.following import Batch, Follower, Position
from oddwire.live.following.batches import batches
from oddwire.live.reading.inputs import Input
from oddwire.live.reading.logs import Logs, Told
from oddwire.live.reading.micro_batch import MicroBatch
from oddwire.live.reading.saved import Positions, Saved, from_bytes
from oddwire.traffic.sources.log_source import typed_connections
from oddwire.traffic.sources.logs.parsing.columns import LOG_SCHEMA
from oddwire.traffic.unit_column import with_unit

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_REFUSALS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_UNCONFIRMED = 64


class Reading:
    """Reads an input of a source as it grows.

    Parameters
    ----------
    input_
        Which input it is.
    follower
        Gives its lines.
    logs
        Reads them.
    unit
        The columns that name the unit of a connection; none where the source names none.
    position
        Where the follower goes on.
    others
        Where other inputs of the source were read to: kept with this one's position.
    """

    def __init__(
        self,
        input_: Input,
        follower: Follower,
        logs: Logs,
        *,
        unit: Sequence[str] = (),
        position: Position | None,
        others: Mapping[str, Saved],
    ) -> None:
        self._input, self._follower, self._logs = input_, follower, logs
        self._unit, self._positions = tuple(unit), Positions(input_.name, others)
        self._given: deque[tuple[bytes, Position]] = deque(maxlen=_UNCONFIRMED)
        self._last = position
        self._has_read = False
        self._saved: bytes | None = None  # a position that the follower has yet to hear of

    def batches(self, *, until_end: bool, stopped: threading.Event) -> Iterator[MicroBatch | None]:
        """Yield what comes, and None each time that there is nothing.

        An input that was read and then cannot be is said in a notice, and tried again.

        Parameters
        ----------
        until_end
            Whether to end once there is no more, rather than wait for more.
        stopped
            Ends it, between batches.

        Raises
        ------
        DataError, ServiceError
            If the input cannot be read from the beginning.
        """
        pause, trouble = _FIRST_PAUSE, ""
        while not stopped.is_set():
            try:
                self._tell_saved()
                for batch in batches(self._follower, until_end=until_end, stopped=stopped):
                    notices = (f"{self._input.shown} can be read again",) if trouble else ()
                    pause, trouble, self._has_read = _FIRST_PAUSE, "", True
                    yield self._micro_batch(batch, notices) if batch or notices else None
                    self._tell_saved()
            except OddwireError as error:
                if until_end or not self._has_read:
                    raise
                is_new, trouble = str(error) != trouble, str(error)
            else:
                return
            yield self._micro_batch(None, (f"{trouble}; it is tried again",)) if is_new else None
            stopped.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def confirm(self, position: bytes) -> None:
        """Note that a position was saved; the follower hears of it before it reads on.

        May be called from another thread than the one that reads.
        """
        self._saved = position

    def close(self) -> None:
        """Let go of what is open."""
        with suppress(OddwireError):  # what was saved is known from the position too
            self._tell_saved()
        self._follower.close()

    def _tell_saved(self) -> None:
        if (position := self._saved) is None:
            return
        while self._given and self._given[0][0] != position:
            self._given.popleft()
        if self._given:
            self._follower.confirm(self._given[0][1])
        elif (saved := from_bytes(position).get(self._input.name)) and saved.position is not None:
            self._follower.confirm(saved.position)
        if self._saved is position:  # otherwise a later one has come meanwhile
            self._saved = None

    def _micro_batch(self, batch: Batch | None, notices: tuple[str, ...]) -> MicroBatch:
        told: list[Told] = []
        places: list[str] = []
        for chunk in batch.chunks if batch else ():
            one = self._logs.read(chunk, refusals=_REFUSALS)
            told.append(one)
            rows = sum(map(len, one.connections))
            key = self._input.key(chunk.log)
            places += [f"{key}:{number}" for number in range(one.first, one.first + rows)]
        if batch is not None:
            self._last = batch.position
            for log, value in batch.moved.items():
                if value is None:
                    self._logs.forget(log)
        return MicroBatch(
            rows=self._rows(_together(told)),
            places=places,
            refused=sum(one.refused for one in told),
            refusals=tuple(_first(one.refusals for one in told)),
            position=self._position(batch.moved if batch else ()),
            notices=(*notices, *(batch.notices if batch else ()),
                     *(notice for one in told for notice in one.notices)),
        )  # fmt: skip

    def _rows(self, connections: pa.Table) -> pd.DataFrame:
        rows = typed_connections(connections, origin=self._input.shown)
        return with_unit(rows, self._unit)

    def _position(self, moved: Collection[str]) -> bytes:
        data = self._positions.to_bytes(Saved(self._last, self._logs.plain()), moved)
        if self._last is not None:
            self._given.append((data, self._last))
        return data


def _together(told: Sequence[Told]) -> pa.Table:
    import pyarrow as pa

    every = [table for one in told for table in one.connections]
    return pa.concat_tables([LOG_SCHEMA.empty_table(), *every])


def _first(refusals: Iterator[tuple[str, ...]]) -> Iterator[str]:
    return itertools.islice(itertools.chain.from_iterable(refusals), _REFUSALS)

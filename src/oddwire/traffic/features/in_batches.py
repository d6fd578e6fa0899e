"""Features of rows that come in batches, equal to those of all rows at once to the last bit.

What a row needs of the rows before it is found in one cheap pass, `FeaturesInBatches.take`: the
clock, what the long memory says of it, and where the longest time window begins. After that a batch
stands by itself, and its features may be computed anywhere, at the same time as others'.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import pyarrow as pa

from oddwire.errors import DataError
from oddwire.params import RowKind
from oddwire.traffic.features.clock import MICROSECONDS, Clock
from oddwire.traffic.features.connection_features import LONGEST_WINDOW, FloatArray, to_features
from oddwire.traffic.features.long_memory import LongMemory
from oddwire.traffic.features.time_windows import IntArray
from oddwire.traffic.frame_files import write_frames
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.wire_text import printable, shown_path

_SHOWN = 80
# What reading a damaged file of arrays ends in, down to the zip file in it.
UNREADABLE = (
    OSError, ValueError, TypeError, KeyError, IndexError, OverflowError, EOFError, MemoryError,
    RuntimeError, BadZipFile, zlib.error,
)  # fmt: skip
_BEFORE, _STATE = "before.parquet", "state.npz"
# What the long memory is to know when a period begins. Of less, hosts that are seen every few days
# would count as new in the period, and not in the reference; three days may be a weekend.
LOOK_BACK = dt.timedelta(days=7)
_REACH = LONGEST_WINDOW * MICROSECONDS


@dataclass(frozen=True, kw_only=True, eq=False)
class RowsWithOverlap:
    """Rows with all that their features need.

    Parameters
    ----------
    kind, schema
        As for `to_features`.
    rows
        The overlap, and the rows themselves behind it.
    overlap
        How many connections of the longest time window stand before the rows themselves.
    clocks
        The clock of all of them, as for `connection_features`; None for a table.
    remembered
        What the long memory says of each, as for `connection_features`; nothing of the overlap.
    """

    kind: RowKind
    schema: FeatureSchema
    rows: pd.DataFrame
    overlap: int = 0
    clocks: IntArray | None = None
    remembered: Mapping[str, FloatArray] | None = None

    def features(self) -> pd.DataFrame:
        """Return the feature frame of the rows themselves.

        Raises
        ------
        ParameterError
            As by `to_features`.
        """
        features = to_features(self.kind, self.rows, self.schema, self.clocks, self.remembered)
        return features.iloc[self.overlap :].reset_index(drop=True) if self.overlap else features


class FeaturesInBatches:
    """Turns batches of rows into feature frames, one after the other.

    Between batches it keeps the clock, the long memory, and the connections of the longest time
    window; their number follows from the traffic. Connections come in the order in which they are
    known, a table's rows in any.

    Parameters
    ----------
    kind, schema
        As for `to_features`.
    memory
        What is known of the connections before the first ones; an empty memory by default.
    behind
        Folders that `save` may have written. Where the first connection is known later than all
        that are kept in one, the connections are taken as those that follow; the first such counts.
    """

    def __init__(
        self,
        kind: RowKind,
        schema: FeatureSchema,
        *,
        memory: LongMemory | None = None,
        behind: Sequence[Path] = (),
    ) -> None:
        self.kind, self._schema = kind, schema
        self._memory = memory or LongMemory()
        self._clock = Clock()
        self._behind = behind
        self._before: pd.DataFrame | None = None
        self._clocks_before = np.empty(0, dtype=np.int64)

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the feature frame of the next rows.

        Raises
        ------
        ParameterError
            As by `to_features`.
        """
        return self.take(rows).features()

    def take(self, rows: pd.DataFrame) -> RowsWithOverlap:
        """Take the next rows, and return them with what their features need."""
        if self.kind == "table" or rows.empty:
            return RowsWithOverlap(kind=self.kind, schema=self._schema, rows=rows)
        if self._behind:
            self._go_on(self._behind, rows)
        overlap, own = len(self._clocks_before), self._clock.of(rows)
        near, clocks = rows, np.concatenate([self._clocks_before, own])
        remembered = {
            name: np.concatenate([np.zeros(overlap), values])
            for name, values in self._memory.update(rows, own).items()
        }
        if self._before is not None:
            near = pd.concat([self._before, rows], ignore_index=True)
        # The clock never goes back: no later window reaches beyond these, and as it stands at the
        # last row, that row is always among them.
        reached = int(np.searchsorted(clocks, clocks[-1] - _REACH, side="right"))
        self._before, self._clocks_before = near.iloc[reached:].copy(), clocks[reached:]
        return RowsWithOverlap(
            kind=self.kind, schema=self._schema, rows=near,
            overlap=overlap, clocks=clocks, remembered=remembered,
        )  # fmt: skip

    def of_all(self, batches: Iterable[pd.DataFrame], *, workers: int) -> Iterator[pd.DataFrame]:
        """Yield the feature frames of batches in their order, computed at the same time.

        Parameters
        ----------
        workers
            How many threads compute, and how many frames wait at most: memory grows with them.
            The loops, NumPy and Parquet leave Python's lock; processes would be sent all rows,
            which costs as much as the features themselves.

        Raises
        ------
        ParameterError
            As by `to_features`.
        """
        with ThreadPoolExecutor(workers) as pool:
            waiting: deque[Future[pd.DataFrame]] = deque()
            for rows in batches:
                waiting.append(pool.submit(self.take(rows).features))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _go_on(self, behind: Sequence[Path], rows: pd.DataFrame) -> None:
        self._behind = ()
        begin = Clock().of(rows.head(1))[0]
        for folder in behind:
            earlier = FeaturesInBatches(self.kind, self._schema)
            earlier.load(folder)
            last = earlier._clocks_before[-1:]
            if len(last) and begin >= last[0]:
                self._clock, self._memory = earlier._clock, earlier._memory
                self._before, self._clocks_before = earlier._before, earlier._clocks_before
                return

    def save(self, folder: Path) -> None:
        """Write what later rows look back on to a folder."""
        if self._before is None:
            return
        folder.mkdir(exist_ok=True)
        write_frames([self._before], folder / _BEFORE)
        arrays = {
            "clock": self._clock.state, "clocks_before": self._clocks_before,
            **self._memory.to_arrays(),
        }  # fmt: skip
        np.savez_compressed(folder / _STATE, allow_pickle=False, **arrays)

    def load(self, folder: Path) -> None:
        """Go on from what `save` wrote.

        Raises
        ------
        DataError
            If it is damaged.
        """
        self._behind = ()
        if not (folder / _BEFORE).is_file():
            return
        try:
            self._before = pd.read_parquet(folder / _BEFORE)
            with (folder / _STATE).open("rb") as state, np.load(state, allow_pickle=False) as kept:
                self._clock = Clock(kept["clock"])
                self._clocks_before = kept["clocks_before"]
                self._memory = LongMemory.from_arrays(kept)
        except (*UNREADABLE, pa.ArrowException) as error:
            raise DataError(
                f"{shown_path(folder)} is damaged ({printable(str(error), _SHOWN)}): remove it, and"
                " rows are scored without what was before them"
            ) from None

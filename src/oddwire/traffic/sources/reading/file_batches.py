"""A file's rows, typed batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.schema import known_at, microseconds_of
from oddwire.traffic.sources.reading.raw_file import RawFile
from oddwire.traffic.sources.reading.raw_table import RawTable


@dataclass(frozen=True)
class Batch:
    """Rows that follow each other in a file.

    Parameters
    ----------
    first
        The place of the first one in the file, counted from 0.
    raw
        The columns as they stand in the file.
    rows
        Connections or a feature frame, in the same order.
    """

    first: int
    raw: RawTable
    rows: pd.DataFrame

    @property
    def places(self) -> NDArray[np.int64]:
        """The rows' places in the file."""
        return np.arange(self.first, self.first + len(self.rows), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class FileBatches:
    """A file whose rows are typed batch by batch, each time it is read.

    Parameters
    ----------
    raw
        The file's own columns.
    to_rows
        Types a batch of them, the same way in whatever batch a row is.
    typed
        Columns of the rows that stand under the same name in the file, and mean the same there.
    times_from
        The file's columns that tell by what time a row is known; none where there are none.
    to_times
        Types a batch of those columns alone.
    in_log_order
        Whether the rows stand in the order in which they were known, whatever their times.
    """

    raw: RawFile
    to_rows: Callable[[RawTable], pd.DataFrame]
    typed: tuple[str, ...]
    times_from: tuple[str, ...] = ()
    to_times: Callable[[RawTable], pd.Series[Any]] | None = None
    in_log_order: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether one batch holds the file, which is then read once."""
        return self.raw.whole is not None

    def batches(self) -> Iterator[Batch]:
        """Yield all rows in the order of the file.

        Raises
        ------
        DataError
            If a row is not what the source promises.
        """
        if self.is_whole:
            yield self._only
            return
        for raw in self.raw.batches():
            yield Batch(raw.first_row, raw, self.to_rows(raw))

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield all rows in the order of the file, without their places."""
        return (batch.rows for batch in self.batches())

    @cached_property
    def _only(self) -> Batch:
        raw = next(self.raw.batches())
        return Batch(0, raw, self.to_rows(raw))

    @cached_property
    def times(self) -> NDArray[np.int64] | None:
        """When the rows were known, in microseconds since 1970, NaT where missing; shape (n,)."""
        if self.to_times is None:
            return None
        if self.is_whole:
            rows = self._only.rows
            return microseconds_of(rows[known_at(rows)])
        return np.concatenate([
            microseconds_of(self.to_times(raw)) for raw in self.raw.batches(self.times_from)
        ])  # fmt: skip

    @cached_property
    def in_time_order(self) -> bool:
        """Whether the rows stand as they were known, those of no time first, or have no times."""
        if self.in_log_order:
            return True
        times = self.times
        return times is None or bool((times[1:] >= times[:-1]).all())

    def order(self) -> NDArray[np.int64]:
        """Return the places of the rows as they were known; equal times keep their order."""
        times = self.times
        if times is None:
            raise ValueError("rows without times have no order of time")
        return np.arange(len(times)) if self.in_log_order else np.argsort(times, kind="stable")

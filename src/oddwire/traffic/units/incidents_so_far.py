"""Incidents of alerts that come in batches: what people are told of a scored file first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.features.memory_slots import hashes_of
from oddwire.traffic.units.of_rows import minutes_in_microseconds, source_column

_MOST = 2**18  # sources that are kept; of more, those with the oldest alerts are forgotten


class IncidentsSoFar:
    """Counts the incidents of rows in the order in which they are known.

    An incident is the alerts of one source with gaps below `minutes`; of rows without a source,
    an alert. Kept are the sources with alerts in the last minutes.

    Parameters
    ----------
    minutes
        From which gap on alerts of a source are two incidents.

    Examples
    --------
    >>> rows = pd.DataFrame({"unit": ["a", "b", "a", "a"]})
    >>> found = IncidentsSoFar(10)
    >>> found.update(rows, np.array([True, True, True, False]), np.zeros(4, dtype=np.int64))
    >>> found.count
    2
    """

    def __init__(self, minutes: float) -> None:
        self._length = minutes_in_microseconds(minutes)
        self._newest: dict[int, int] = {}  # source → its newest alert, the oldest of them first
        self.count = 0

    def update(
        self, frame: pd.DataFrame, alerts: NDArray[np.bool_], clock: NDArray[np.int64]
    ) -> None:
        """Take the next rows: their features, whether they raise alerts, and their times."""
        column = source_column(frame)
        if column is None:
            self.count += int(alerts.sum())
            return
        sources = hashes_of(frame[column][alerts]).tolist()
        for source, now in zip(sources, clock[alerts].tolist(), strict=True):
            self._alert(source, now)

    def _alert(self, source: int, now: int) -> None:
        before = self._newest.pop(source, None) if source else None  # 0: nobody's
        if before is None or now - before >= self._length:
            self.count += 1
        if source:
            self._newest[source] = now
        while self._newest:
            oldest = next(iter(self._newest))
            if len(self._newest) <= _MOST and now - self._newest[oldest] < self._length:
                break
            del self._newest[oldest]

    def to_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Return the sources with alerts in the last minutes, under a name for `numpy.savez`."""
        return {
            f"{name}_sources": np.array(list(self._newest), dtype=np.uint64),
            f"{name}_newest": np.array(list(self._newest.values()), dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], name: str, minutes: float) -> Self:
        """Make one that goes on from what `to_arrays` returned, and counts from 0.

        Raises
        ------
        KeyError, ValueError
            If an array is missing or does not fit.
        """
        found = cls(minutes)
        sources = arrays[f"{name}_sources"].astype(np.uint64).ravel().tolist()
        newest = arrays[f"{name}_newest"].astype(np.int64).ravel().tolist()
        found._newest = dict(zip(sources, newest, strict=True))
        return found

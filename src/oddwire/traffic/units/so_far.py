"""The worst row of each unit so far, of rows that come in batches.

Between batches only the sources of the current ten minutes are kept, in a table of bounded size:
buckets of a few places, where a new source takes the place of the one not seen for longest if all
are of these ten minutes. So time per row and memory do not grow with the traffic, and however the
rows are cut into batches, the results are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas.api.types import is_datetime64_any_dtype

from oddwire.compiling import compiled
from oddwire.traffic.features.clock import Clock
from oddwire.traffic.features.memory_slots import WAYS, hashes_of
from oddwire.traffic.schema import END, known_at, microseconds_of
from oddwire.traffic.units.of_rows import (
    MINUTES,
    Floats,
    Ints,
    minutes_in_microseconds,
    source_column,
)

PLACES = 2**18  # sources in ten minutes: 8 MB
UNTIMED = np.iinfo(np.int64).min  # the clock of rows before the first time

_NOW, _ROWS, _NEWEST = range(3)
_SIGNATURE = (
    "float64[::1](uint64[::1], int64[::1], float64[::1], int64,"
    " uint64[::1], int64[::1], float64[::1], int64[::1])"
)


class WorstSoFar(NamedTuple):
    """What units have come to, at each of some rows.

    Parameters
    ----------
    before
        The highest score of the earlier rows of the row's unit, -inf of its first row, shape (n,).
    worst
        The same with the row's own, shape (n,).
    clock
        When the row was known, in microseconds since 1970, never falling; `UNTIMED` before the
        first time.
    """

    before: Floats
    worst: Floats
    clock: Ints


class UnitsSoFar:
    """Follows the units of rows, in the order in which they are known.

    Units are those of `oddwire.traffic.units.units_of`. A table's rows without a time belong to the
    time of the row before them; those before the first time, which is not known yet, to one of
    their own.

    Parameters
    ----------
    minutes
        How long a unit is.
    places
        How many sources of one time are kept, a power of two.

    Examples
    --------
    >>> rows = pd.DataFrame({
    ...     "src_ip": ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.1"],
    ...     "end": pd.to_datetime([0, 30, 60, 650], unit="s", utc=True),
    ... })
    >>> units = UnitsSoFar()
    >>> units.update(rows[:2], [0.9, 0.1]).worst.tolist()
    [0.9, 0.1]
    >>> units.update(rows[2:], [0.5, 0.5]).worst.tolist()
    [0.9, 0.5]
    """

    def __init__(self, minutes: float = MINUTES, *, places: int = PLACES) -> None:
        self._length = minutes_in_microseconds(minutes)
        self._clock = Clock()
        self._keys = np.zeros(places, dtype=np.uint64)
        self._seen = np.full(places, -1, dtype=np.int64)
        self._worst = np.zeros(places)
        # The period of all that is kept, how many rows of it there were, and the newest time.
        self._state = np.array([UNTIMED, 0, UNTIMED], dtype=np.int64)

    def update(self, frame: pd.DataFrame, scores: ArrayLike) -> WorstSoFar:
        """Take the next rows.

        Parameters
        ----------
        frame
            A feature frame of n rows.
        scores
            Their anomaly scores, shape (n,), none of them NaN.
        """
        values = np.ascontiguousarray(scores, dtype=np.float64)
        clock = self.skip(frame)
        column = source_column(frame)
        if column is None:
            return WorstSoFar(np.full(len(values), -np.inf), values, clock)
        follow = compiled(_before, _SIGNATURE)
        periods = np.where(clock == UNTIMED, UNTIMED, clock // self._length)
        before = follow(
            hashes_of(frame[column]), periods, values, len(self._keys) // WAYS,
            self._keys, self._seen, self._worst, self._state,
        )  # fmt: skip
        return WorstSoFar(before, np.maximum(before, values), clock)

    @property
    def newest(self) -> int:
        """The clock of the newest row; `UNTIMED` before the first time."""
        return int(self._state[_NEWEST])

    def skip(self, frame: pd.DataFrame) -> Ints:
        """Let the clock go on over rows whose units are over, and return it."""
        name = known_at(frame)
        if name == END:
            clock = self._clock.of(frame)
        elif name is None or not is_datetime64_any_dtype(frame[name]):
            clock = np.full(len(frame), UNTIMED)
        else:
            moments = microseconds_of(frame[name])  # without a time the least of all numbers
            clock = np.maximum(np.maximum.accumulate(moments), self._state[_NEWEST])
        if len(clock):
            self._state[_NEWEST] = clock[-1]
        return clock

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that it knows as arrays by name, for `numpy.savez`."""
        places = np.flatnonzero(self._seen >= 0)
        return {
            "units_places": places, "units_keys": self._keys[places],
            "units_seen": self._seen[places], "units_worst": self._worst[places],
            "units_state": self._state, "units_clock": self._clock.state,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], minutes: float = MINUTES) -> Self:
        """Make one that goes on from what `to_arrays` returned.

        Raises
        ------
        KeyError, ValueError, IndexError
            If an array is missing or does not fit.
        """
        units = cls(minutes)
        places = arrays["units_places"]
        units._keys[places] = arrays["units_keys"]
        units._seen[places] = arrays["units_seen"]
        units._worst[places] = arrays["units_worst"]
        units._state[:] = arrays["units_state"]
        units._clock.state[:] = arrays["units_clock"]
        return units


def _before(
    keys: NDArray[np.uint64],
    periods: Ints,
    scores: Floats,
    buckets: int,
    table: NDArray[np.uint64],
    seen: Ints,
    worst: Floats,
    state: Ints,
) -> Floats:
    """Return the highest score before each row in its unit, and take the row in."""
    found = np.full(len(keys), -np.inf)
    for row in range(len(keys)):
        if periods[row] != state[_NOW]:
            state[_NOW], state[_ROWS] = periods[row], 0
            seen[:] = -1
        if keys[row] == 0:  # nobody's: a unit by itself
            continue
        bucket = np.int64(keys[row] % np.uint64(buckets))
        place = bucket * WAYS
        for way in range(WAYS):
            other = bucket * WAYS + way
            if seen[other] >= 0 and table[other] == keys[row]:
                place = other
                found[row] = worst[other]
                break
            if seen[other] < seen[place]:  # a free place counts as seen before all others
                place = other
        table[place] = keys[row]
        worst[place] = max(found[row], scores[row])
        seen[place] = state[_ROWS]
        state[_ROWS] += 1
    return found

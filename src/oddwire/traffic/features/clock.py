"""The clock of the time windows: what time it is when a connection becomes known.

A line of a log is written when a connection ends, so the clock of a row is the newest end so far,
in the order of the log. A connection known late (an hour after its end, say) finds the clock where
it is and leaves it there. But one broken end far ahead would stop that clock: all that follows
would be "now", in every window. So an end more than a day from the newest, on either side, does not
move the clock, unless `ENOUGH` rows in succession say so; the time has then leapt, such as from one
capture to the next. What broken ends cost is bounded: where there are enough of them, the clock
leaps ahead, and back as soon as enough rows say that; both times the windows begin anew. A row
without an end finds the clock where it is, and is in 1970 where there was none before it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from oddwire.compiling import compiled
from oddwire.traffic.features.time_windows import IntArray
from oddwire.traffic.schema import END, microseconds_of

MICROSECONDS = 1_000_000
_DAY = 86_400 * MICROSECONDS
_YEAR = 366 * _DAY
# Rows in succession, all more than a day ahead, or all more than a day behind. After a time without
# rows all but the last of them still see the windows of before, so that these are few.
ENOUGH = 3
_NO_TIME = np.iinfo(np.int64).min  # what NumPy and pandas call it

# What is carried from row to row.
_BEGUN, _NEWEST, _CLOCK, _SUCCESSION, _NEAREST = range(5)


class Clock:
    """Gives rows their clock, in the order in which they are known, however they are cut.

    Where no time leaps, the clock is the largest ``end`` so far, in microseconds since 1970. It
    never goes back: a leap back in time moves it on by a day, and one ahead by no more than a year.

    Parameters
    ----------
    state
        That of another clock, int64 of shape (5,), to go on from; it changes from row to row.

    Examples
    --------
    The second row is known late, the third has a broken end:

    >>> ends = pd.Series(pd.to_datetime([60, 5, 1e9, 70], unit="s", utc=True))
    >>> (Clock().of(pd.DataFrame({"end": ends})) / MICROSECONDS).tolist()
    [60.0, 60.0, 60.0, 70.0]
    """

    def __init__(self, state: IntArray | None = None) -> None:
        self.state = np.zeros(5, dtype=np.int64) if state is None else state

    def of(self, connections: pd.DataFrame) -> IntArray:
        """Return the clock of the next rows, int64 of shape (n,), and move on."""
        advance = compiled(_advance, "int64[::1](int64[::1], int64[::1], int64)")
        clocks: IntArray = advance(microseconds_of(connections[END]), self.state, ENOUGH)
        return clocks


def _advance(ends: IntArray, state: IntArray, enough: int) -> IntArray:
    clocks = np.empty(len(ends), dtype=np.int64)
    for row in range(len(ends)):
        end = ends[row]
        if end == _NO_TIME:
            clocks[row] = state[_CLOCK]
            continue
        if state[_BEGUN] == 0:
            state[_BEGUN] = 1
            state[_NEWEST] = state[_CLOCK] = end
        away = end - state[_NEWEST]
        if abs(away) <= _DAY:
            state[_SUCCESSION] = 0
            state[_CLOCK] += max(away, 0)
            state[_NEWEST] += max(away, 0)
        else:
            # Positive numbers count rows ahead, negative ones rows behind.
            side = 1 if away > 0 else -1
            if state[_SUCCESSION] * side <= 0:
                state[_SUCCESSION] = 0
                state[_NEAREST] = end
            state[_SUCCESSION] += side
            if (end - state[_NEAREST]) * side < 0:
                state[_NEAREST] = end
            if state[_SUCCESSION] * side >= enough:
                leap = state[_NEAREST] - state[_NEWEST]
                state[_CLOCK] += min(leap, _YEAR) if leap > 0 else _DAY
                state[_NEWEST] = state[_NEAREST]
                state[_SUCCESSION] = 0
        clocks[row] = state[_CLOCK]
    return clocks

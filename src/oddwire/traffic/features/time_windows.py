"""Sums and distinct counts over causal time windows, in time and memory linear in the rows.

Rows come in the order in which they are known, and are put together by key. The window of a row is
then a run of neighbours that ends with the row itself, so that where it starts says it all: sums
are differences of one running sum, distinct counts need one counter per value. All is integer
arithmetic, because a running sum of floats depends on where it began, and live would differ from
batch in the last bits.

Why compiled loops and not a query engine: ``docs/decisions/0002-window-engine.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.compiling import compiled

IntArray = NDArray[np.int64]


class Codes(NamedTuple):
    """Values as numbers from 0, -1 where missing, and how many different values there are."""

    numbers: IntArray
    different: int

    @classmethod
    def of(cls, values: pd.Series[Any]) -> Codes:
        """Give each different value a number, in the order of first appearance."""
        numbers, different = pd.factorize(values)
        return cls(numbers.astype(np.int64, copy=False), len(different))

    def at(self, positions: IntArray) -> Codes:
        """Take the codes of some rows, in the order of the positions."""
        return Codes(self.numbers[positions], self.different)


@dataclass(frozen=True, kw_only=True)
class KeyedRows:
    """The rows of known key, those of one key together, each key's in the order given.

    Parameters
    ----------
    positions
        int64 of shape (m,): the place of each row among the rows given.
    keys
        int64 of shape (m,): their keys.
    clocks
        int64 of shape (m,): what the clock showed at each.
    """

    positions: IntArray
    keys: IntArray
    clocks: IntArray

    @classmethod
    def group(cls, keys: Codes, clocks: IntArray) -> KeyedRows:
        """Put the rows of each key together; those without a key are left out.

        Parameters
        ----------
        keys
            A key per row, shape (n,).
        clocks
            int64 of shape (n,), never going back.
        """
        known = np.flatnonzero(keys.numbers >= 0)
        stable_order = compiled(_stable_order, "int64[::1](int64[::1], int64)")
        positions = known[stable_order(keys.numbers[known], keys.different)]
        return cls(positions=positions, keys=keys.numbers[positions], clocks=clocks[positions])

    def starts(self, width: int) -> IntArray:
        """Find where the window of each row starts.

        The window of a row whose clock shows t holds the rows of its key up to the row itself for
        which it showed more than t - width; rows after it, even of the same t, are not in it.

        Parameters
        ----------
        width
            In the unit of the clocks.

        Returns
        -------
        int64 of shape (m,): sorted position i has the window ``starts[i] .. i``, both included.
        """
        window_starts = compiled(_window_starts, "int64[::1](int64[::1], int64[::1], int64)")
        starts: IntArray = window_starts(self.keys, self.clocks, width)
        return starts


def count_rows(starts: IntArray) -> IntArray:
    """Count the rows of each window."""
    places: IntArray = np.arange(1, len(starts) + 1, dtype=np.int64)
    return places - starts


def sum_inside(values: IntArray, starts: IntArray) -> IntArray:
    """Add up the values in each window, both arrays in the order of `KeyedRows`.

    Exact as long as each window's own sum fits in 64 bits: the running sum may wrap around, and
    the difference wraps back.
    """
    running = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(values)])
    sums: IntArray = running[1:] - running[starts]
    return sums


def count_distinct(codes: Codes, starts: IntArray) -> IntArray:
    """Count the different values in each window, missing ones not counted.

    Parameters
    ----------
    codes
        In the order of `KeyedRows`.
    starts
        From `KeyedRows.starts`.
    """
    distinct = compiled(_count_distinct, "int64[::1](int64[::1], int64[::1], int64)")
    counts: IntArray = distinct(codes.numbers, starts, codes.different)
    return counts


def _stable_order(keys: IntArray, different: int) -> IntArray:
    """Sort by counting: linear, where a comparison sort is not."""
    next_place = np.zeros(different + 1, dtype=np.int64)
    for key in keys:
        next_place[key + 1] += 1
    for key in range(different):
        next_place[key + 1] += next_place[key]
    order = np.empty(len(keys), dtype=np.int64)
    for position in range(len(keys)):
        key = keys[position]
        order[next_place[key]] = position
        next_place[key] += 1
    return order


def _window_starts(keys: IntArray, clocks: IntArray, width: int) -> IntArray:
    starts = np.empty(len(keys), dtype=np.int64)
    start = 0
    for position in range(len(keys)):
        key, clock = keys[position], clocks[position]
        while keys[start] != key or clock - clocks[start] >= width:
            start += 1
        starts[position] = start
    return starts


def _count_distinct(values: IntArray, starts: IntArray, different: int) -> IntArray:
    # Starts never go back, not even from key to key, so that every row enters once and leaves
    # once, and the counters of one key are all back at zero before the next key's first row.
    held = np.zeros(different, dtype=np.int64)
    counts = np.empty(len(values), dtype=np.int64)
    distinct = 0
    oldest = 0
    for position in range(len(values)):
        entering = values[position]
        if entering >= 0:
            if held[entering] == 0:
                distinct += 1
            held[entering] += 1
        while oldest < starts[position]:
            leaving = values[oldest]
            if leaving >= 0:
                held[leaving] -= 1
                if held[leaving] == 0:
                    distinct -= 1
            oldest += 1
        counts[position] = distinct
    return counts

"""The rows that lie in a time window, oldest first, in a ring that grows and shrinks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oddwire.traffic.features.rolling.key_table import Entries
from oddwire.traffic.features.time_windows import IntArray

# It is made smaller when it holds less than this fraction of what it has room for: one eighth.
_SPARSE = 8


@dataclass(kw_only=True, eq=False)
class Ring:
    """Rows by their number since the first; row n lies at n modulo the length.

    Parameters
    ----------
    entries
        int32 of shape (length, 6): the entries of its source, destination and pair, and of their
        ports.
    clocks, volumes
        int64 of shape (length,): what the clock showed, and its bytes.
    states
        int8 of shape (length,): 0 of an unknown state, 1 of a known one, 3 of one that failed.
    first, end
        The number of the oldest row in it, and of the row that comes next.
    """

    entries: Entries = field(default_factory=lambda: np.empty((0, 6), dtype=np.int32))
    clocks: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    volumes: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    states: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, dtype=np.int8))
    first: int = 0
    end: int = 0

    def __len__(self) -> int:
        """Count the rows in it."""
        return self.end - self.first

    @property
    def room(self) -> int:
        """How many rows it can hold."""
        return len(self.clocks)

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        arrays = (self.entries, self.clocks, self.volumes, self.states)
        return sum(array.nbytes for array in arrays)

    def places(self, first: int, end: int) -> IntArray:
        """Return where some rows lie."""
        return np.arange(first, end) % self.room

    def room_for(self, more: int, *, most: int) -> None:
        """Grow, if need be, so that so many rows more find room; shrink, if few are left.

        Parameters
        ----------
        most
            How many rows it needs room for at most.
        """
        needed = len(self) + more
        if needed > self.room or needed * _SPARSE < self.room:
            self._move(min(needed * 3 // 2, most))

    def put(
        self, *, clocks: IntArray, volumes: IntArray, states: NDArray[np.int8], entries: Entries
    ) -> None:
        """Put rows behind the last one, without moving on."""
        at = self.places(self.end, self.end + len(clocks))
        self.clocks[at], self.volumes[at], self.states[at] = clocks, volumes, states
        self.entries[at] = entries

    def renumber(self, columns: slice, new_numbers: Entries) -> None:
        """Follow a table that has given its entries new numbers."""
        at = self.places(self.first, self.end)
        entries = self.entries[at, columns]
        self.entries[at, columns] = np.where(entries < 0, -1, new_numbers[entries])

    def _move(self, room: int) -> None:
        before = self.places(self.first, self.end)
        after = np.arange(self.first, self.end) % room
        for name in ("entries", "clocks", "volumes", "states"):
            array = getattr(self, name)
            moved = np.empty((room, *array.shape[1:]), dtype=array.dtype)
            moved[after] = array[before]
            setattr(self, name, moved)

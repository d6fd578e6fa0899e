"""Which slot of a bounded table a key has: the ground of `LongMemory`.

A table is buckets of `WAYS` slots; a key's hash says its bucket. A new key takes a free slot there,
or that of the key not seen for longest. So time per row and memory do not grow with the traffic,
and what is forgotten follows from the rows alone. A bucket knows how recent the newest thing is
that it forgot: a key that it lacks may have been seen before that time, but not after it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.compiling import compiled
from oddwire.traffic.features.time_windows import IntArray

Hashes = NDArray[np.uint64]

WAYS = 8
NEVER = np.iinfo(np.int64).min // 2  # a time before all others, and far from overflow
_NO_KEY = np.uint64(0)


class Places(NamedTuple):
    """Where the keys of rows are.

    Parameters
    ----------
    slots
        int64 of shape (n,): the slot of each row's key, -1 where it has none.
    fresh
        int64 of shape (n,), 1 where the row is the first of its key in that slot.
    first_seen
        int64 of shape (n,): when the key was first seen; `NEVER` where the table had not looked
        for long enough to know that it was the first time.
    """

    slots: IntArray
    fresh: IntArray
    first_seen: IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Slots:
    """A bounded table of keys.

    Parameters
    ----------
    keys
        uint64 of shape (slots,), 0 where a slot is free.
    last_seen, first_seen
        int64 of shape (slots,), by the clock of the rows.
    forgotten
        int64 of shape (slots / `WAYS`,): when the newest key that a bucket forgot was last seen.
    looked
        int64 of shape (2,): since when and until when it has looked. Where no row came for as long
        as it takes to call a key new, it begins anew: a log may have a hole there.
    """

    keys: Hashes
    last_seen: IntArray
    first_seen: IntArray
    forgotten: IntArray
    looked: IntArray

    @classmethod
    def empty(cls, slots: int) -> Self:
        """Make a table of so many slots, a power of two and at least `WAYS`."""
        return cls(
            keys=np.zeros(slots, dtype=np.uint64),
            last_seen=np.zeros(slots, dtype=np.int64),
            first_seen=np.zeros(slots, dtype=np.int64),
            forgotten=np.full(slots // WAYS, NEVER, dtype=np.int64),
            looked=np.full(2, NEVER, dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.keys)

    def place(self, keys: Hashes, clocks: IntArray, *, long_enough: int) -> Places:
        """Find or make room for the keys of the next rows, one after the other.

        Parameters
        ----------
        keys
            Shape (n,); 0 where a row has none.
        clocks
            int64 of shape (n,), never going back.
        long_enough
            How long it must have looked, without forgetting, to call a key new.
        """
        find = compiled(_place, f"int64[:, ::1]({', '.join(_TYPES)})")
        found = find(
            keys, clocks, long_enough,
            self.keys, self.last_seen, self.first_seen, self.forgotten, self.looked,
        )  # fmt: skip
        return Places(*found)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return all that it knows, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


_TYPES = (
    "uint64[::1]", "int64[::1]", "int64",
    "uint64[::1]", "int64[::1]", "int64[::1]", "int64[::1]", "int64[::1]",
)  # fmt: skip


def hashes_of(values: pd.Series) -> Hashes:
    """Return a number per value, the same in every process; 0 where it is missing."""
    codes, different = pd.factorize(values.to_numpy())
    hashed = pd.util.hash_array(np.asarray(different, dtype=object), categorize=False)
    return np.append(np.maximum(hashed, np.uint64(1)), _NO_KEY)[codes]


def hashes_of_ports(ports: pd.Series) -> Hashes:
    """Return a number per port, one of its own for none: ICMP has no ports."""
    numbers = ports.to_numpy(dtype=np.float64, na_value=-1).astype(np.int64)
    return (numbers + 2).astype(np.uint64)


def both(first: Hashes, second: Hashes) -> Hashes:
    """Return a number per pair of keys; 0 where one is missing."""
    mixed = first * np.uint64(0x9E3779B97F4A7C15) ^ second
    # The finaliser of splitmix64 (Steele, Lea & Flood 2014): every bit depends on every other.
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = np.maximum(mixed ^ (mixed >> np.uint64(31)), np.uint64(1))
    return np.where((first == _NO_KEY) | (second == _NO_KEY), _NO_KEY, mixed)


def _place(
    keys: Hashes,
    clocks: IntArray,
    long_enough: int,
    table: Hashes,
    last_seen: IntArray,
    first_seen: IntArray,
    forgotten: IntArray,
    looked: IntArray,
) -> IntArray:
    found = np.empty((3, len(keys)), dtype=np.int64)
    for row in range(len(keys)):
        key, now = keys[row], clocks[row]
        if now - looked[1] > long_enough:
            looked[0] = now
        looked[1] = now
        found[0, row], found[1, row], found[2, row] = -1, 0, NEVER
        if key == 0:
            continue
        bucket = np.int64(key % np.uint64(len(forgotten)))
        # A free slot counts as the one not seen for longest.
        slot, oldest = np.int64(-1), np.int64(0)
        for way in range(WAYS):
            other = bucket * WAYS + way
            if table[other] == key:
                slot = other
                break
            age = np.int64(NEVER) if table[other] == 0 else last_seen[other]
            if way == 0 or age < oldest:
                slot, oldest = other, age
        if table[slot] != key:
            looked_since = max(forgotten[bucket], looked[0])
            if table[slot] != 0:
                forgotten[bucket] = max(forgotten[bucket], last_seen[slot])
            table[slot] = key
            first_seen[slot] = now if now - looked_since >= long_enough else NEVER
            found[1, row] = 1
        last_seen[slot] = now
        found[0, row], found[2, row] = slot, first_seen[slot]
    return found

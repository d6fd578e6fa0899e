"""Tables of keys that come and go: hash → entry, and the counts of each entry.

Open addressing with linear probing: an index of places, twice to four times as long as there are
entries, says which entry has a key. A key that is let go of leaves no tombstone, since the entries
behind it move up (Knuth 1998, section 6.4, algorithm R), so that a table that has seen billions of
keys is as fast as a new one. Entries do not move while they are held: rows may remember their
numbers.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from oddwire.compiling import compiled
from oddwire.traffic.features.memory_slots import Hashes

Entries = NDArray[np.int32]  # numbers of entries, -1 for none
Counts = NDArray[np.int32]
Sums = NDArray[np.int64]

_NO_ENTRY = -1
# A table is made smaller when it holds less than this fraction of what it has room for: one eighth.
_SPARSE = 8


@dataclass(kw_only=True, eq=False)
class KeyTable:
    """Keys with counts and sums.

    Parameters
    ----------
    keys
        uint64 of shape (entries,): what the index is looked up by, 0 where an entry is free.
    counts
        int32 of shape (entries, counts); the first says whether an entry is held: it is let go of
        where that is 0, and then all others must be too.
    sums
        int64 of shape (entries, sums).
    index
        int32 of a length that is a power of two: an entry, or -1.
    free
        int32 of shape (entries,), whose numbers from ``held`` on are the free entries.
    held
        How many entries are held.
    salt
        Makes where a key is in the index unforeseeable: whoever sends packets chooses addresses,
        and could choose such as lie in one place (Crosby & Wallach 2003).
    """

    keys: Hashes
    counts: Counts
    sums: Sums
    index: Entries
    free: Entries
    held: int
    salt: np.uint64

    @classmethod
    def empty(cls, *, counts: int, sums: int, entries: int = 0) -> Self:
        """Make a table of so many counts and sums per entry."""
        return cls(
            keys=np.zeros(entries, dtype=np.uint64),
            counts=np.zeros((entries, counts), dtype=np.int32),
            sums=np.zeros((entries, sums), dtype=np.int64),
            index=_empty_index(entries),
            free=np.arange(entries, dtype=np.int32),
            held=0,
            salt=np.uint64(secrets.randbits(64)),
        )

    def __len__(self) -> int:
        """Count the entries there is room for."""
        return len(self.keys)

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        arrays = (self.keys, self.counts, self.sums, self.index, self.free)
        return sum(array.nbytes for array in arrays)

    def entries_of(self, hashes: Hashes) -> Entries:
        """Find or make the entries of keys; -1 where the hash is 0, which is no key.

        There must be `room_for` as many more as there are keys.
        """
        find = compiled(_find_or_make, _FIND_TYPES)
        held = np.array([self.held])
        entries: Entries = find(hashes, self.salt, self.keys, self.index, self.free, held)
        self.held = int(held[0])
        return entries

    def let_go(self, entries: Entries) -> None:
        """Free those of some entries that are no longer held; -1 is none, and may be among them."""
        let_go = compiled(_let_go, _LET_GO_TYPES)
        self.held = let_go(entries, self.counts, self.keys, self.index, self.free, self.held)

    def room_for(self, more: int) -> None:
        """Grow, if need be, so that so many keys more find room."""
        if self.held + more > len(self):
            entries = (self.held + more) * 3 // 2
            self.free = np.append(self.free, np.arange(len(self), entries, dtype=np.int32))
            self._move(slice(None), entries)

    def is_sparse(self, *, more: int) -> bool:
        """Tell whether it is worth while to make it smaller, where so many more need room."""
        return (self.held + more) * _SPARSE < len(self)

    def shrink(self, *, more: int) -> Entries:
        """Make it smaller, and return the new number of each entry, -1 of those that were free."""
        kept = np.flatnonzero(self.keys)
        new_numbers = np.full(len(self), _NO_ENTRY, dtype=np.int32)
        new_numbers[kept] = np.arange(len(kept))
        self._move(kept, 2 * (self.held + more))
        self.free = np.arange(len(self), dtype=np.int32)
        return new_numbers

    def _move(self, kept: slice | NDArray[np.int64], entries: int) -> None:
        """Give it room for so many entries, of which the first are those kept."""
        for name in ("keys", "counts", "sums"):
            array = getattr(self, name)[kept]
            # Zeros that nobody has written to take no memory.
            moved = np.zeros((entries, *array.shape[1:]), dtype=array.dtype)
            moved[: len(array)] = array
            setattr(self, name, moved)
        self.index = _empty_index(entries)
        compiled(_fill_index, _FILL_TYPES)(self.keys, self.index)


def _empty_index(entries: int) -> Entries:
    return np.full(1 << (2 * entries).bit_length(), _NO_ENTRY, dtype=np.int32)


_HASHES, _ENTRIES, _NUMBERS = "uint64[::1]", "int32[::1]", "int64[::1]"
_FIND_TYPES = f"{_ENTRIES}({_HASHES}, uint64, {_HASHES}, {_ENTRIES}, {_ENTRIES}, {_NUMBERS})"
_LET_GO_TYPES = f"int64({_ENTRIES}, int32[:, ::1], {_HASHES}, {_ENTRIES}, {_ENTRIES}, int64)"
_FILL_TYPES = f"void({_HASHES}, {_ENTRIES})"


def _find_or_make(
    hashes: Hashes, salt: np.uint64, keys: Hashes, index: Entries, free: Entries, held: Sums
) -> Entries:
    entries = np.empty(len(hashes), dtype=np.int32)
    mask = np.uint64(len(index) - 1)
    for row in range(len(hashes)):
        entries[row] = -1
        if hashes[row] == 0:
            continue
        # The finaliser of splitmix64 (Steele, Lea & Flood 2014): different keys stay different.
        key = hashes[row] ^ salt
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        key = max(key ^ (key >> np.uint64(31)), np.uint64(1))
        place = key & mask
        while index[place] >= 0 and keys[index[place]] != key:
            place = (place + np.uint64(1)) & mask
        if index[place] < 0:
            index[place] = free[held[0]]
            keys[index[place]] = key
            held[0] += 1
        entries[row] = index[place]
    return entries


def _let_go(
    entries: Entries, counts: Counts, keys: Hashes, index: Entries, free: Entries, held: int
) -> int:
    mask = np.uint64(len(index) - 1)
    one = np.uint64(1)
    for entry in entries:
        if entry < 0 or keys[entry] == 0 or counts[entry, 0] != 0:
            continue
        hole = keys[entry] & mask
        while index[hole] != entry:
            hole = (hole + one) & mask
        place = (hole + one) & mask
        while index[place] >= 0:
            # It may move up unless its own place lies behind the hole.
            home = keys[index[place]] & mask
            if ((place - home) & mask) >= ((place - hole) & mask):
                index[hole] = index[place]
                hole = place
            place = (place + one) & mask
        index[hole] = -1
        keys[entry] = 0
        held -= 1
        free[held] = entry
    return held


def _fill_index(keys: Hashes, index: Entries) -> None:
    mask = np.uint64(len(index) - 1)
    for entry in range(len(keys)):
        if keys[entry] == 0:
            continue
        place = keys[entry] & mask
        while index[place] >= 0:
            place = (place + np.uint64(1)) & mask
        index[place] = entry

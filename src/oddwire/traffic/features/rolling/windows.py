"""Time windows as running counts: a row enters each window once and leaves it once.

Equal to the last bit to what ``time_windows.py`` finds by sorting all rows at once, of which a
micro-batch would have to sort those of the last ten minutes each time: why there are two engines is
in ``docs/decisions/0034-rolling-windows.md``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.compiling import compiled
from oddwire.traffic.features.clock import MICROSECONDS
from oddwire.traffic.features.connection_features import WINDOWS, RowNumbers
from oddwire.traffic.features.memory_slots import Hashes, both, hashes_of, hashes_of_ports
from oddwire.traffic.features.rolling.key_table import Entries, KeyTable
from oddwire.traffic.features.rolling.ring import Ring
from oddwire.traffic.features.time_windows import IntArray

FloatArray = NDArray[np.float64]

# Rows that enter at once: tables and ring have room for so many more than they hold.
_AT_ONCE = 4096
_WIDTHS = np.array(WINDOWS[::-1], dtype=np.int64) * MICROSECONDS
_KEYS, _PORTS = slice(0, 3), slice(3, 6)
_PAIR = 2  # the last of the three keys
# A destination is another key than a source of the same address.
_DESTINATION = np.uint64(0xD6E8FEB86659FD93)
_NO_PORT = np.uint64(1)  # of `hashes_of_ports`


class WindowRows(NamedTuple):
    """What windows need of rows.

    Parameters
    ----------
    addresses
        uint64 of shape (2, n): the hashes of source and destination; 0 where unknown.
    keys
        uint64 of shape (3, n): source, destination and pair; 0 where unknown.
    ports
        uint64 of shape (3, n): a port of each of these; 0 where one of both is unknown.
    volumes
        int64 of shape (n,): bytes.
    states
        int8 of shape (n,), as in `Ring`.
    """

    addresses: Hashes
    keys: Hashes
    ports: Hashes
    volumes: IntArray
    states: NDArray[np.int8]

    @classmethod
    def of(cls, connections: pd.DataFrame) -> WindowRows:
        """Take them from connections."""
        src, dst = hashes_of(connections["src_ip"]), hashes_of(connections["dst_ip"])
        port = hashes_of_ports(connections["dst_port"])
        port[port == _NO_PORT] = 0
        keys = (src, both(dst, np.full_like(dst, _DESTINATION)), both(src, dst))
        numbers = RowNumbers.of(connections)
        return cls(
            addresses=np.stack([src, dst]),
            keys=np.stack(keys),
            ports=np.stack([both(key, port) for key in keys]),
            volumes=numbers.bytes,
            states=(numbers.state_known + 2 * numbers.failed).astype(np.int8),
        )

    def cut(self, begin: int, end: int) -> WindowRows:
        """Take neighbouring rows."""
        return WindowRows(
            self.addresses[:, begin:end],
            np.ascontiguousarray(self.keys[:, begin:end]),
            np.ascontiguousarray(self.ports[:, begin:end]),
            self.volumes[begin:end],
            self.states[begin:end],
        )


class RollingWindows:
    """The time windows of `connection_features`, kept up to date from row to row.

    Parameters
    ----------
    most_rows
        How many rows windows hold at most: of more, the oldest leave before their time.
    """

    def __init__(self, *, most_rows: int) -> None:
        self._most_rows = most_rows
        self._ring = Ring()
        # The number of the first row in each window, the longest window first.
        self._starts = np.zeros(len(WINDOWS), dtype=np.int64)
        self._keys = KeyTable.empty(counts=5 * len(WINDOWS), sums=len(WINDOWS))
        self._ports = KeyTable.empty(counts=len(WINDOWS), sums=0)

    def __len__(self) -> int:
        """Count the rows in the longest window."""
        return len(self._ring)

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        return self._ring.nbytes + self._keys.nbytes + self._ports.nbytes

    def enter(self, rows: WindowRows, clocks: IntArray, found: FloatArray | None = None) -> int:
        """Take the next rows, and return how many rows left before their time.

        Parameters
        ----------
        rows
            In the order in which they are known.
        clocks
            What the clock showed at each, int64 of shape (n,), never going back.
        found
            Is filled with `WINDOW_FEATURES`, float64 of shape (features, n).
        """
        found = np.empty((0, len(clocks))) if found is None else found
        dropped = 0
        for begin in range(0, len(clocks), _AT_ONCE):
            part = rows.cut(begin, begin + _AT_ONCE)
            dropped += self._enter(part, clocks[begin : begin + _AT_ONCE], found, begin)
        return dropped

    def _enter(self, rows: WindowRows, clocks: IntArray, found: FloatArray, begin: int) -> int:
        ring, many = self._ring, len(clocks)
        ring.room_for(_AT_ONCE, most=self._most_rows + _AT_ONCE)
        self._keys.room_for(3 * _AT_ONCE)
        self._ports.room_for(3 * _AT_ONCE)
        entries = np.concatenate([
            self._keys.entries_of(rows.keys.ravel()).reshape(3, many),
            self._ports.entries_of(rows.ports.ravel()).reshape(3, many),
        ])  # fmt: skip
        ring.put(clocks=clocks, volumes=rows.volumes, states=rows.states, entries=entries.T)
        dropped: int = compiled(_roll, _ROLL_TYPES)(
            ring.entries, ring.clocks, ring.volumes, ring.states, ring.end, many, self._most_rows,
            self._starts, _WIDTHS, self._keys.counts, self._keys.sums, self._ports.counts,
            found, begin,
        )  # fmt: skip
        self._forget(ring.end + many)
        return dropped

    def _forget(self, end: int) -> None:
        """Let go of the keys that no row in a window has."""
        ring = self._ring
        gone = ring.places(ring.first, int(self._starts[0]))
        ring.first, ring.end = int(self._starts[0]), end
        for table, columns in ((self._keys, _KEYS), (self._ports, _PORTS)):
            table.let_go(ring.entries[gone, columns].ravel())
            # Following costs a step per row in the ring, so that it must free as much.
            if table.is_sparse(more=3 * _AT_ONCE) and len(table) > len(ring):
                ring.renumber(columns, table.shrink(more=3 * _AT_ONCE))


_ROLL_TYPES = (
    "int64(int32[:, ::1], int64[::1], int64[::1], int8[::1], int64, int64, int64, "
    "int64[::1], int64[::1], int32[:, ::1], int64[:, ::1], int32[:, ::1], float64[:, ::1], int64)"
)


def _roll(  # noqa: C901, PLR0912 - one pass over the rows, and compiled loops call nothing
    entries: Entries,
    clocks: IntArray,
    volumes: IntArray,
    states: NDArray[np.int8],
    first: int,
    many: int,
    most_rows: int,
    starts: IntArray,
    widths: IntArray,
    counts: NDArray[np.int32],
    sums: IntArray,
    ports: NDArray[np.int32],
    found: FloatArray,
    begin: int,
) -> int:
    """Let rows enter and leave; of each that enters, write down what its windows hold."""
    windows, room, dropped = len(widths), len(clocks), 0
    # The counts of a key: its connections in each window, then its peers, ports, failures and
    # known states.
    peers, held_ports, failed, known = windows, 2 * windows, 3 * windows, 4 * windows
    for row in range(first, first + many):
        now = clocks[row % room]
        for window in range(windows):
            # The oldest rows leave, as long as they are too old; then the row itself enters. Both
            # are one body, which counts by -1 or 1, since a compiled loop can call nothing.
            while True:
                leaving = starts[window]
                early = row - leaving >= most_rows
                gone = leaving < row and (early or now - clocks[leaving % room] >= widths[window])
                other = leaving % room if gone else row % room
                step = -1 if gone else 1
                if gone and early and window == 0 and now - clocks[other] < widths[0]:
                    dropped += 1
                for kind in range(3):
                    entry, port = entries[other, kind], entries[other, 3 + kind]
                    if entry < 0:
                        continue
                    counts[entry, window] += step
                    sums[entry, window] += step * volumes[other]
                    counts[entry, failed + window] += step * (states[other] >> 1)
                    counts[entry, known + window] += step * (states[other] & 1)
                    if port >= 0:
                        ports[port, window] += step
                        if ports[port, window] == (1 if step > 0 else 0):
                            counts[entry, held_ports + window] += step
                pair = entries[other, _PAIR]
                if pair >= 0 and counts[pair, window] == (1 if step > 0 else 0):
                    counts[entries[other, 0], peers + window] += step
                    counts[entries[other, 1], peers + window] += step
                if not gone:
                    break
                starts[window] += 1
        if len(found) == 0:
            continue
        at, feature, here = begin + row - first, 0, row % room
        for kind in range(3):
            entry = entries[here, kind]
            for window in range(windows - 1, -1, -1):
                if entry < 0:
                    measures = 4 if kind == _PAIR else 5
                    found[feature : feature + measures, at] = np.nan
                    feature += measures
                    continue
                found[feature, at] = counts[entry, window]
                if kind != _PAIR:  # which has one peer, always
                    feature += 1
                    found[feature, at] = counts[entry, peers + window]
                found[feature + 1, at] = counts[entry, held_ports + window]
                states_known = counts[entry, known + window]
                share = counts[entry, failed + window] / states_known if states_known else np.nan
                found[feature + 2, at] = share
                found[feature + 3, at] = sums[entry, window]
                feature += 4
    return dropped

"""Features that need longer than a time window: what is new here, and what has changed.

A beacon calls a host that nobody called before, at even intervals, with messages of one size; files
that are carried out go to such a host too; a tunnel makes a source's messages of a service larger
than they use to be. This shows only against days of traffic, which no time window holds.
`LongMemory` keeps a few numbers for each destination, pair of hosts and service of a source, in
tables of bounded size, and goes on from row to row: however the rows are cut into batches, the
results are the same to the last bit.

All features are degrees of evidence, 0 where there is none, and what cannot be known yet is no
evidence: a memory that has looked for less than a day calls nothing new. So a file that is scored
by itself looks like most benign traffic, and not like rows with a sensor missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.compiling import compiled
from oddwire.traffic.features.clock import MICROSECONDS
from oddwire.traffic.features.memory_slots import (
    Hashes,
    Slots,
    both,
    hashes_of,
    hashes_of_ports,
)
from oddwire.traffic.features.time_windows import IntArray
from oddwire.traffic.schema import TIME, microseconds_of

FloatArray = NDArray[np.float64]

LONG_MEMORY_FEATURES = (
    "new_dst_connections",
    "new_dst_bytes",
    "new_dst_interval_evenness",
    "new_dst_size_evenness",
    "src_port_size_shift",
)

# Slots of each table: 36 MB in all. Of so many keys, the ones not seen for longest are forgotten.
SLOTS = {"dst": 2**18, "pair": 2**18, "src_port": 2**16}

NEW_FOR = 86_400 * MICROSECONDS  # a destination is new on its first day

# How much the newest interval or size counts once there are many; of the first n, each 1/n.
_WEIGHT = 0.1
# For the usual size of a service of a source, and for its size just now.
_SLOW_WEIGHT, _ENOUGH = 0.005, 20
# A deviation of 2 % is as even as it gets: clocks and retransmissions are not better.
_FLOOR = 0.02
_RAMP = 4.0  # of so many intervals or sizes, evenness counts by half
_OFFSET = 0.1  # s: below it, intervals say more about sensors than about programs
_LEAST_SPREAD = 0.2  # of the logarithm of sizes

# The numbers that a pair and a service of a source have in their tables.
_CONNECTIONS, _BYTES, _START, _GAPS, _GAP, _GAP_DEVIATION, _SIZES, _SIZE, _SIZE_DEVIATION = range(9)
_KNOWN, _NOW, _USUAL, _DEVIATION = range(4)
_WIDTHS = {"dst": 0, "pair": 9, "src_port": 4}


class LongMemory:
    """Remembers destinations, pairs and services of sources, in bounded memory.

    Parameters
    ----------
    slots
        Of each table, powers of two; fewer than the default to try what forgetting does.

    Examples
    --------
    After two days a host calls another, every minute and with the same bytes:

    >>> seconds = np.array([0, 86_400, *range(172_800, 174_000, 60)])
    >>> rows = pd.DataFrame({
    ...     "ts": pd.to_datetime(seconds, unit="s", utc=True), "src_ip": "10.0.0.5",
    ...     "dst_ip": [*["10.0.0.9"] * 2, *["203.0.113.7"] * 20], "dst_port": 443,
    ...     "src_bytes": 260, "dst_bytes": 96,
    ... })
    >>> found = LongMemory().update(rows, seconds * 1_000_000)
    >>> found["new_dst_connections"][[0, 2, 21]].tolist()
    [0.0, 1.0, 20.0]
    >>> found["new_dst_interval_evenness"][[0, 4, 21]].round(1).tolist()
    [0.0, 0.8, 3.2]
    """

    def __init__(self, slots: Mapping[str, int] = SLOTS) -> None:
        self._slots = {name: Slots.empty(slots[name]) for name in SLOTS}
        self._numbers = {name: np.zeros((slots[name], width)) for name, width in _WIDTHS.items()}

    def update(
        self, connections: pd.DataFrame, clocks: IntArray, addresses: Hashes | None = None
    ) -> dict[str, FloatArray]:
        """Take the next connections, and return their features.

        Parameters
        ----------
        connections
            Connections of the connection schema, shape (n, columns), in the order in which they
            are known.
        clocks
            What the clock showed at each, int64 of shape (n,).
        addresses
            What `hashes_of` returns of ``src_ip`` and ``dst_ip``, uint64 of shape (2, n), where
            that is known already.

        Returns
        -------
        dict
            float64 of shape (n,) for each of `LONG_MEMORY_FEATURES`.
        """
        if not len(connections):
            return {name: np.empty(0) for name in LONG_MEMORY_FEATURES}
        src, dst = addresses if addresses is not None else (
            hashes_of(connections["src_ip"]), hashes_of(connections["dst_ip"])
        )  # fmt: skip
        keys = {
            "dst": dst,
            "pair": both(src, dst),
            "src_port": both(src, hashes_of_ports(connections["dst_port"])),
        }
        dsts, pairs, services = (
            self._slots[name].place(keys[name], clocks, long_enough=NEW_FOR) for name in SLOTS
        )
        sent = _bytes(connections["src_bytes"])
        sizes = sent + _bytes(connections["dst_bytes"])
        of_pairs = compiled(_pair_features, _PAIR_SIGNATURE)(
            pairs.slots, pairs.fresh, self._numbers["pair"],
            _starts(connections), sent, sizes, clocks - dsts.first_seen,
        )  # fmt: skip
        shift = compiled(_size_shift, _SHIFT_SIGNATURE)(
            services.slots, services.fresh, self._numbers["src_port"], sizes
        )
        return dict(zip(LONG_MEMORY_FEATURES, (*of_pairs, shift), strict=True))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that it knows as arrays by name, for `numpy.savez`."""
        arrays = {
            f"{table}_{name}": array
            for table, slots in self._slots.items()
            for name, array in slots.to_arrays().items()
        }
        return arrays | {f"{table}_numbers": array for table, array in self._numbers.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Make a memory that goes on from what `to_arrays` returned.

        Raises
        ------
        KeyError, ValueError
            If an array is missing, or of another type or shape.
        """
        memory = cls({table: len(arrays[f"{table}_keys"]) for table in SLOTS})
        for name, array in memory.to_arrays().items():
            given = arrays[name]
            if (given.dtype, given.shape) != (array.dtype, array.shape):
                raise ValueError(
                    f"{name} must be {array.dtype} of shape {array.shape}, "
                    f"got {given.dtype} of shape {given.shape}"
                )
            array[...] = given
        return memory


def _bytes(numbers: pd.Series) -> FloatArray:
    values: FloatArray = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _starts(connections: pd.DataFrame) -> FloatArray:
    seconds: FloatArray = microseconds_of(connections[TIME]) / MICROSECONDS
    return seconds


_ROWS, _COUNTS, _TABLE = "float64[::1]", "int64[::1]", "float64[:, ::1]"
_PAIR_SIGNATURE = f"{_TABLE}({_COUNTS}, {_COUNTS}, {_TABLE}, {_ROWS}, {_ROWS}, {_ROWS}, {_COUNTS})"
_SHIFT_SIGNATURE = f"{_ROWS}({_COUNTS}, {_COUNTS}, {_TABLE}, {_ROWS})"


def _pair_features(  # noqa: C901 - one pass over the rows, and compiled loops call nothing
    slots: IntArray,
    fresh: IntArray,
    table: FloatArray,
    starts: FloatArray,
    sent: FloatArray,
    sizes: FloatArray,
    dst_ages: IntArray,
) -> FloatArray:
    """Count what goes to a new destination, and measure how even its intervals and sizes are."""
    features = np.zeros((4, len(slots)))
    for row in range(len(slots)):
        if slots[row] < 0:
            continue
        pair = table[slots[row]]
        if fresh[row]:
            pair[:] = 0.0
        pair[_CONNECTIONS] += 1
        if not math.isnan(sent[row]):
            pair[_BYTES] += sent[row]
        if pair[_CONNECTIONS] > 1:
            gap = abs(starts[row] - pair[_START])
            pair[_GAPS] += 1
            if pair[_GAPS] > 1:
                weight = max(_WEIGHT, 1 / (pair[_GAPS] - 1))
                pair[_GAP_DEVIATION] += weight * (abs(gap - pair[_GAP]) - pair[_GAP_DEVIATION])
            pair[_GAP] += max(_WEIGHT, 1 / pair[_GAPS]) * (gap - pair[_GAP])
        pair[_START] = starts[row]
        if not math.isnan(sizes[row]):
            size = math.log1p(sizes[row])
            pair[_SIZES] += 1
            if pair[_SIZES] > 1:
                weight = max(_WEIGHT, 1 / (pair[_SIZES] - 1))
                pair[_SIZE_DEVIATION] += weight * (abs(size - pair[_SIZE]) - pair[_SIZE_DEVIATION])
            pair[_SIZE] += max(_WEIGHT, 1 / pair[_SIZES]) * (size - pair[_SIZE])
        if dst_ages[row] >= NEW_FOR:
            continue
        features[0, row] = pair[_CONNECTIONS]
        features[1, row] = pair[_BYTES]
        if pair[_GAPS] > 1:
            deviation = pair[_GAP_DEVIATION] / (pair[_GAP] + _OFFSET)
            trust = (pair[_GAPS] - 1) / (pair[_GAPS] - 1 + _RAMP)
            features[2, row] = max(0.0, -math.log(deviation + _FLOOR)) * trust
        if pair[_SIZES] > 1:
            trust = (pair[_SIZES] - 1) / (pair[_SIZES] - 1 + _RAMP)
            features[3, row] = max(0.0, -math.log(pair[_SIZE_DEVIATION] + _FLOOR)) * trust
    return features


def _size_shift(
    slots: IntArray, fresh: IntArray, table: FloatArray, sizes: FloatArray
) -> FloatArray:
    """Compare the sizes of a source's service just now with those usual for it."""
    shifts = np.zeros(len(slots))
    for row in range(len(slots)):
        if slots[row] < 0:
            continue
        service = table[slots[row]]
        if fresh[row]:
            service[:] = 0.0
        if math.isnan(sizes[row]):
            continue
        size = math.log1p(sizes[row])
        apart = size - service[_USUAL]
        service[_KNOWN] += 1
        if service[_KNOWN] > 1:
            weight = max(_SLOW_WEIGHT, 1 / (service[_KNOWN] - 1))
            service[_DEVIATION] += weight * (abs(apart) - service[_DEVIATION])
        service[_USUAL] += max(_SLOW_WEIGHT, 1 / service[_KNOWN]) * apart
        service[_NOW] += max(_WEIGHT, 1 / service[_KNOWN]) * (size - service[_NOW])
        if service[_KNOWN] >= _ENOUGH:
            spread = service[_DEVIATION] + _LEAST_SPREAD
            shifts[row] = (service[_NOW] - service[_USUAL]) / spread
    return shifts

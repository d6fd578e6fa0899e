"""Connections → features: what a connection is like, and what went before it.

Time windows are causal: a connection sees itself and the connections before it, in the order in
which they are known, by the clock of ``clock.py``, and nothing later. So one function serves batch,
live and parts computed apart: put the connections of the last `LONGEST_WINDOW` seconds of that
clock before the new ones, and the new ones' features are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.errors import ParameterError
from oddwire.params import RowKind
from oddwire.traffic.addresses import sides
from oddwire.traffic.features.clock import MICROSECONDS, Clock
from oddwire.traffic.features.long_memory import LONG_MEMORY_FEATURES, LongMemory
from oddwire.traffic.features.time_windows import (
    Codes,
    IntArray,
    KeyedRows,
    count_distinct,
    count_rows,
    sum_inside,
)
from oddwire.traffic.schema import RESERVED, FeatureSchema

FloatArray = NDArray[np.float64]

WINDOWS = (10, 60, 600)  # seconds: a scan, a burst, a habit
LONGEST_WINDOW = max(WINDOWS)

# Zeek's states of a connection that was never established or was torn down by a reset.
FAILED_STATES = frozenset({"S0", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR"})

# Clocks of sensors are no finer: a rate over a shorter time says more about them than the traffic.
SHORTEST_DURATION = 0.001

FIRST_REGISTERED_PORT, FIRST_DYNAMIC_PORT = 1024, 49152

_MEASURES = {
    "src": ("connections", "peers", "ports", "failure_share", "bytes"),
    "dst": ("connections", "peers", "ports", "failure_share", "bytes"),
    "pair": ("connections", "ports", "failure_share", "bytes"),  # a pair has one peer, always
}

WINDOW_FEATURES = tuple(
    f"{key}_{measure}_{seconds}s"
    for key, measures in _MEASURES.items()
    for seconds, measure in product(WINDOWS, measures)
)

CONNECTION_FEATURES = FeatureSchema(
    numeric=(
        "duration",
        "src_bytes",
        "dst_bytes",
        "src_packets",
        "dst_packets",
        "total_bytes",
        "total_packets",
        "bytes_per_second",
        "packets_per_second",
        "src_byte_share",
        "src_packet_share",
        "src_bytes_per_packet",
        "dst_bytes_per_packet",
        *WINDOW_FEATURES,
        *LONG_MEMORY_FEATURES,
    ),
    categorical=("proto", "service", "conn_state", "dst_port_class", "src_side", "dst_side"),
)


def connection_features(
    connections: pd.DataFrame,
    clocks: IntArray | None = None,
    remembered: Mapping[str, FloatArray] | None = None,
) -> pd.DataFrame:
    """Turn connections into features.

    Parameters
    ----------
    connections
        Connections of the connection schema, shape (n, 19), in the order in which they are known.
    clocks
        What the clock showed at each, int64 of shape (n,), where there are connections before these
        that moved it (`Clock`); None where there are none.
    remembered
        What `LongMemory.update` returned of each, where there are connections before these that it
        knows; None where there are none.

    Returns
    -------
    DataFrame of shape (n, reserved columns + features), with the index and order of
    ``connections``: the reserved columns as they came, the numeric features of
    `CONNECTION_FEATURES` as float64 and the categorical ones as strings. What cannot be known is
    missing: a share of nothing, a rate over an unknown time, a window of an unknown address. In a
    window, a connection of unknown bytes adds none, and one of unknown state does not count for
    the share of failures.

    Examples
    --------
    Two connections of one host, two seconds apart:

    >>> import pandas as pd
    >>> from oddwire.traffic.connections import check_connections
    >>> rows = pd.DataFrame(
    ...     {
    ...         "ts": [0, 2], "src_ip": "10.0.0.5", "dst_ip": ["10.0.0.9", "203.0.113.7"],
    ...         "dst_port": [22, 443], "proto": "tcp", "conn_state": ["REJ", "SF"],
    ...         "src_bytes": [0, 600], "dst_bytes": [0, 1400],
    ...     }
    ... )
    >>> features = connection_features(check_connections(rows, origin="example"))
    >>> features.shape
    (2, 76)
    >>> features[["src_byte_share", "src_peers_10s", "src_failure_share_10s", "dst_side"]]
       src_byte_share  src_peers_10s  src_failure_share_10s dst_side
    0             NaN            1.0                    1.0   inside
    1             0.3            2.0                    0.5  outside
    """
    clocks = Clock().of(connections) if clocks is None else clocks
    remembered = LongMemory().update(connections, clocks) if remembered is None else remembered
    return feature_frame(connections, _window_features(connections, clocks), remembered)


def feature_frame(
    connections: pd.DataFrame,
    windows: Iterable[tuple[str, FloatArray]],
    remembered: Mapping[str, FloatArray],
) -> pd.DataFrame:
    """Put together what `connection_features` returns.

    Parameters
    ----------
    connections
        As for `connection_features`.
    windows
        Each of `WINDOW_FEATURES` with its values, float64 of shape (n,).
    remembered
        As for `connection_features`.
    """
    numeric = CONNECTION_FEATURES.numeric
    # One block, a feature in each row of it: pandas takes it over without copying.
    block = np.empty((len(numeric), len(connections)))
    for column, values in chain(_single_features(connections), windows, remembered.items()):
        block[numeric.index(column)] = values
    index = connections.index
    return pd.concat(
        [
            connections[[column for column in RESERVED if column in connections]],
            pd.DataFrame(block.T, index=index, columns=list(numeric), copy=False),
            _categories(connections),
        ],
        axis=1,
        copy=False,
    )


def to_features(
    kind: RowKind,
    frame: pd.DataFrame,
    schema: FeatureSchema,
    clocks: IntArray | None = None,
    remembered: Mapping[str, FloatArray] | None = None,
) -> pd.DataFrame:
    """Turn the rows of a source into a feature frame.

    Parameters
    ----------
    frame
        Connections, or a feature frame, which comes back as it is.
    clocks, remembered
        As for `connection_features`.

    Raises
    ------
    ParameterError
        If connections are to have features that this version does not compute.
    """
    if kind == "table":
        return frame
    check_features(schema)
    return connection_features(frame, clocks, remembered)


def check_features(schema: FeatureSchema) -> None:
    """Check that connections have these features.

    Raises
    ------
    ParameterError
        If this version does not compute one of them.
    """
    if unknown := sorted(set(schema.columns) - set(CONNECTION_FEATURES.columns)):
        raise ParameterError(
            f"connections have no feature {', '.join(unknown)} in this version of oddwire"
        )


def _single_features(connections: pd.DataFrame) -> Iterator[tuple[str, FloatArray]]:
    """Yield the features of each connection alone."""
    names = ("duration", "src_bytes", "dst_bytes", "src_packets", "dst_packets")
    measured = [connections[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in names]
    yield from zip(names, measured, strict=True)
    duration, src_bytes, dst_bytes, src_packets, dst_packets = measured
    total_bytes = src_bytes + dst_bytes
    total_packets = src_packets + dst_packets
    rate_time = np.maximum(duration, SHORTEST_DURATION)
    yield "total_bytes", total_bytes
    yield "total_packets", total_packets
    yield "bytes_per_second", total_bytes / rate_time
    yield "packets_per_second", total_packets / rate_time
    yield "src_byte_share", _ratio(src_bytes, total_bytes)
    yield "src_packet_share", _ratio(src_packets, total_packets)
    yield "src_bytes_per_packet", _ratio(src_bytes, src_packets)
    yield "dst_bytes_per_packet", _ratio(dst_bytes, dst_packets)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Divide; nothing by nothing, and anything by nothing, is missing."""
    ratio = np.full(len(part), np.nan)
    np.divide(part, whole, out=ratio, where=whole != 0)
    return ratio


class RowNumbers(NamedTuple):
    """What the windows add up of each connection, int64 of shape (n,).

    Parameters
    ----------
    failed, state_known
        1 where it failed, and where its state is known.
    bytes
        Those of both directions, as far as they are known.
    """

    failed: IntArray
    state_known: IntArray
    bytes: IntArray

    @classmethod
    def of(cls, connections: pd.DataFrame) -> RowNumbers:
        """Read them off connections."""
        codes, states = pd.factorize(connections["conn_state"].to_numpy())
        failed = np.array([*(state in FAILED_STATES for state in states), 0], dtype=np.int64)
        return cls(
            failed=failed[codes],  # code -1, missing, takes the last entry
            state_known=(codes >= 0).astype(np.int64),
            bytes=_whole(connections["src_bytes"]) + _whole(connections["dst_bytes"]),
        )

    def at(self, positions: IntArray) -> RowNumbers:
        """Take some rows, in the order of the positions."""
        return RowNumbers(*(numbers[positions] for numbers in self))


def _window_features(
    connections: pd.DataFrame, clocks: IntArray
) -> Iterator[tuple[str, FloatArray]]:
    """Yield the windows, missing where the key of a row is."""
    src, dst = Codes.of(connections["src_ip"]), Codes.of(connections["dst_ip"])
    ports, numbers = Codes.of(connections["dst_port"]), RowNumbers.of(connections)
    for name, key, peers in (
        ("src", src, dst),
        ("dst", dst, src),
        ("pair", _pairs(src, dst), None),
    ):
        keyed = KeyedRows.group(key, clocks)
        for column, values in _key_features(name, keyed, ports, numbers, peers):
            of_all = np.full(len(connections), np.nan)
            of_all[keyed.positions] = values
            yield column, of_all


def _key_features(
    name: str, keyed: KeyedRows, ports: Codes, numbers: RowNumbers, peers: Codes | None
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the windows of one key, in the order of the keyed rows."""
    at = keyed.positions
    ports, (failed, state_known, volume) = ports.at(at), numbers.at(at)
    partners = None if peers is None else peers.at(at)
    for seconds in WINDOWS:
        starts = keyed.starts(seconds * MICROSECONDS)
        yield f"{name}_connections_{seconds}s", count_rows(starts)
        if partners is not None:
            yield f"{name}_peers_{seconds}s", count_distinct(partners, starts)
        yield f"{name}_ports_{seconds}s", count_distinct(ports, starts)
        failures = sum_inside(failed, starts).astype(np.float64)
        known = sum_inside(state_known, starts).astype(np.float64)
        yield f"{name}_failure_share_{seconds}s", _ratio(failures, known)
        yield f"{name}_bytes_{seconds}s", sum_inside(volume, starts)


def _pairs(src: Codes, dst: Codes) -> Codes:
    missing = (src.numbers < 0) | (dst.numbers < 0)
    codes, different = pd.factorize(src.numbers * dst.different + dst.numbers)
    return Codes(np.where(missing, -1, codes), len(different))


def _whole(numbers: pd.Series) -> IntArray:
    whole: IntArray = numbers.to_numpy(dtype=np.int64, na_value=0)
    return whole


def _categories(connections: pd.DataFrame) -> pd.DataFrame:
    found = {
        "dst_port_class": _port_class(connections["dst_port"]),
        "src_side": sides(connections["src_ip"]),
        "dst_side": sides(connections["dst_ip"]),
    }
    given = {name: connections[name] for name in ("proto", "service", "conn_state")}
    return pd.DataFrame(given | found, index=connections.index, copy=False)


def _port_class(ports: pd.Series) -> NDArray[np.object_]:
    """Name the range of IANA (RFC 6335, section 6) that a port is from."""
    number = ports.to_numpy(dtype=np.float64, na_value=np.nan)
    names = np.full(len(number), None, dtype=object)
    names[number >= 0] = "well-known"
    names[number >= FIRST_REGISTERED_PORT] = "registered"
    names[number >= FIRST_DYNAMIC_PORT] = "dynamic"
    return names

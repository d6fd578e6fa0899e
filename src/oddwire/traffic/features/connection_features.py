"""Connections → features: what a connection is like, and what went before it.

Time windows are causal: a connection sees itself and the connections before it, in the order in
which they are known, by the clock of ``clock.py``, and nothing later. So one function serves batch,
live and parts computed apart: put the connections of the last `LONGEST_WINDOW` seconds of that
clock before the new ones, and the new ones' features are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
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
        *(
            f"{key}_{measure}_{seconds}s"
            for key, measures in _MEASURES.items()
            for seconds, measure in product(WINDOWS, measures)
        ),
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
    numeric = CONNECTION_FEATURES.numeric
    # One block, a feature in each row of it: pandas takes it over without copying.
    block = np.empty((len(numeric), len(connections)))
    for column, values in _single_features(connections):
        block[numeric.index(column)] = values
    clocks = Clock().of(connections) if clocks is None else clocks
    for column, positions, values in _window_features(connections, clocks):
        row = block[numeric.index(column)]
        row[:] = np.nan
        row[positions] = values
    remembered = LongMemory().update(connections, clocks) if remembered is None else remembered
    for column, values in remembered.items():
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
    if unknown := sorted(set(schema.columns) - set(CONNECTION_FEATURES.columns)):
        raise ParameterError(
            f"connections have no feature {', '.join(unknown)} in this version of oddwire"
        )
    return connection_features(frame, clocks, remembered)


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


class _Row(NamedTuple):
    """What the windows add up, a number per connection."""

    ports: Codes
    failed: IntArray
    state_known: IntArray
    bytes: IntArray


def _window_features(
    connections: pd.DataFrame, clocks: IntArray
) -> Iterator[tuple[str, IntArray, NDArray[Any]]]:
    """Yield column, positions of the rows that have a value, and those values."""
    src, dst = Codes.of(connections["src_ip"]), Codes.of(connections["dst_ip"])
    state = connections["conn_state"]
    rows = _Row(
        ports=Codes.of(connections["dst_port"]),
        failed=state.isin(FAILED_STATES).to_numpy().astype(np.int64),
        state_known=state.notna().to_numpy().astype(np.int64),
        bytes=_whole(connections["src_bytes"]) + _whole(connections["dst_bytes"]),
    )
    for name, key, peers in (
        ("src", src, dst),
        ("dst", dst, src),
        ("pair", _pairs(src, dst), None),
    ):
        keyed = KeyedRows.group(key, clocks)
        for column, values in _key_features(name, keyed, rows, peers):
            yield column, keyed.positions, values


def _key_features(
    name: str, keyed: KeyedRows, rows: _Row, peers: Codes | None
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the windows of one key, in the order of the keyed rows."""
    at = keyed.positions
    ports = rows.ports.at(at)
    partners = None if peers is None else peers.at(at)
    failed, state_known, volume = rows.failed[at], rows.state_known[at], rows.bytes[at]
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
    whole: IntArray = numbers.fillna(0).to_numpy(dtype=np.int64)
    return whole


def _categories(connections: pd.DataFrame) -> pd.DataFrame:
    given = connections[["proto", "service", "conn_state"]]
    return given.assign(
        dst_port_class=_port_class(connections["dst_port"]),
        src_side=sides(connections["src_ip"]),
        dst_side=sides(connections["dst_ip"]),
    )


def _port_class(ports: pd.Series) -> NDArray[np.object_]:
    """Name the range of IANA (RFC 6335, section 6) that a port is from."""
    number = ports.to_numpy(dtype=np.float64, na_value=np.nan)
    names = np.full(len(number), None, dtype=object)
    names[number >= 0] = "well-known"
    names[number >= FIRST_REGISTERED_PORT] = "registered"
    names[number >= FIRST_DYNAMIC_PORT] = "dynamic"
    return names

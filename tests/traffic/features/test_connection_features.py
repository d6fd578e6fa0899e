"""Connections become features: alone, and by what went before them."""

from __future__ import annotations

from itertools import accumulate, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from oddwire.errors import ParameterError
from oddwire.traffic.addresses import sides
from oddwire.traffic.connections import CONNECTION_COLUMNS, type_connections
from oddwire.traffic.features.connection_features import (
    CONNECTION_FEATURES,
    FAILED_STATES,
    WINDOWS,
    connection_features,
    to_features,
)
from oddwire.traffic.schema import RESERVED, UNIT, FeatureSchema

START = pd.Timestamp("2026-03-02", tz="UTC")

# Few values, so that keys, peers, ports and times meet; times around the widths of the windows.
# The rows are in the order in which they are known, which need not be that of their ends.
one_connection = st.fixed_dictionaries(
    {
        "ts": st.one_of(st.integers(0, 30), st.sampled_from([0, 10, 60, 70, 600, 601, 660, 1200])),
        "src_ip": st.sampled_from(["10.0.0.1", "10.0.0.2", None]),
        "dst_ip": st.sampled_from(["10.0.0.1", "93.1.2.3", None]),
        "dst_port": st.sampled_from([22, 443, None]),
        "proto": st.sampled_from(["tcp", None]),
        "duration": st.sampled_from([0.0, 0.5, 3600.0, None]),
        "src_bytes": st.sampled_from([0, 1, 2**48, None]),
        "dst_bytes": st.sampled_from([0, 7, None]),
        "src_packets": st.sampled_from([0, 3, None]),
        "conn_state": st.sampled_from(["SF", "S0", "REJ", None]),
    }
)
some_connections = st.lists(one_connection, min_size=1, max_size=25)


def connections_of(rows):
    """Make connections of rows in seconds after the start."""
    frame = pd.DataFrame(rows, dtype=object)
    frame["ts"] = START + pd.to_timedelta(frame["ts"].astype(float), unit="s")
    return type_connections(frame, origin="test")


def connection(**fields):
    return {"ts": 0, "src_ip": "10.0.0.1", "dst_ip": "93.1.2.3", "dst_port": 443, **fields} | {
        "proto": fields.get("proto", "tcp")
    }


def features_of(*rows):
    return connection_features(connections_of(rows))


KEYS = {"src": ("src_ip",), "dst": ("dst_ip",), "pair": ("src_ip", "dst_ip")}


def windows_by_hand(rows, i, name, seconds):
    """Say what one window of one row holds, by looking at every row."""
    key = KEYS[name]
    row = rows[i]
    clocks = list(accumulate((each["ts"] + (each["duration"] or 0) for each in rows), max))
    measures = ["connections", "peers", "ports", "failure_share", "bytes"]
    if any(row[column] is None for column in key):
        return dict.fromkeys(measures, np.nan)
    past = [
        other
        for other, clock in zip(rows[: i + 1], clocks, strict=False)
        if clock > clocks[i] - seconds and all(other[c] == row[c] for c in key)
    ]
    states = [other["conn_state"] for other in past if other["conn_state"]]
    failures = sum(state in FAILED_STATES for state in states)
    peer = "dst_ip" if name == "src" else "src_ip"
    return {
        "connections": len(past),
        "peers": len({other[peer] for other in past} - {None}),
        "ports": len({other["dst_port"] for other in past} - {None}),
        "failure_share": failures / len(states) if states else np.nan,
        "bytes": sum((other["src_bytes"] or 0) + (other["dst_bytes"] or 0) for other in past),
    }


class TestWindows:
    @settings(deadline=None, max_examples=25)
    @given(rows=some_connections)
    def test_equal_those_found_by_looking_at_every_row(self, rows):
        features = connection_features(connections_of(rows))
        for i, (name, seconds) in product(range(len(rows)), product(KEYS, WINDOWS)):
            for measure, expected in windows_by_hand(rows, i, name, seconds).items():
                if (name, measure) != ("pair", "peers"):
                    got = features.loc[i, f"{name}_{measure}_{seconds}s"]
                    np.testing.assert_equal(got, float(expected), f"{name} {measure} {i}")

    @settings(deadline=None, max_examples=20)
    @given(rows=some_connections, later=some_connections)
    def test_see_nothing_of_what_comes_later(self, rows, later):
        """Appending any connections, even such as ended before, changes no feature."""
        connections = connections_of(rows)
        both = pd.concat([connections, connections_of(later)], ignore_index=True)
        assert_frame_equal(
            connection_features(both).iloc[: len(connections)],
            connection_features(connections),
            check_exact=True,
        )

    @settings(deadline=None, max_examples=20)
    @given(rows=some_connections, data=st.data())
    def test_do_not_depend_on_the_order_of_rows_that_are_equal(self, rows, data):
        doubled = [row for row in rows for _ in range(2)]
        swapped = data.draw(st.permutations(range(len(doubled))))
        # Only the order inside a group of equal rows may change: sort the rest back.
        swapped = sorted(swapped, key=lambda i: i // 2)
        expected = connection_features(connections_of(doubled))
        got = connection_features(connections_of([doubled[i] for i in swapped]))
        assert_frame_equal(got, expected, check_exact=True)

    def test_count_a_connection_when_it_is_known_and_not_when_it_began(self):
        long = connection(ts=0, duration=3600.0)
        features = features_of(connection(ts=3591), long, connection(ts=3605))
        assert features["src_connections_10s"].tolist() == [1, 2, 2]

    def test_are_not_held_up_by_a_connection_known_late(self):
        late = connection(ts=0, duration=1.0)
        features = features_of(connection(ts=3600), late, connection(ts=3609), connection(ts=3610))
        assert features["src_connections_10s"].tolist() == [1, 2, 3, 2]

    def test_tell_a_scan_from_a_visit(self):
        scan = [connection(ts=i, dst_port=20 + i, conn_state="REJ") for i in range(5)]
        last = features_of(*scan).iloc[-1]
        assert last["src_connections_10s"] == 5
        assert last["src_ports_10s"] == 5
        assert last["src_peers_10s"] == 1
        assert last["src_failure_share_10s"] == 1.0


class TestOneConnection:
    def test_gives_volumes_rates_ratios_and_sizes(self):
        row = features_of(
            connection(duration=2.0, src_bytes=300, dst_bytes=100, src_packets=3, dst_packets=5)
        ).iloc[0]
        assert row["total_bytes"] == 400
        assert row["total_packets"] == 8
        assert row["bytes_per_second"] == 200
        assert row["packets_per_second"] == 4
        assert row["src_byte_share"] == 0.75
        assert row["src_packet_share"] == 0.375
        assert row["src_bytes_per_packet"] == 100
        assert row["dst_bytes_per_packet"] == 20

    def test_of_no_duration_has_a_rate_over_a_millisecond(self):
        row = features_of(connection(duration=0.0, src_bytes=60, dst_bytes=0)).iloc[0]
        assert row["bytes_per_second"] == 60_000

    def test_of_no_bytes_has_no_ratio(self):
        row = features_of(connection(src_bytes=0, dst_bytes=0, src_packets=0, dst_packets=0)).iloc[
            0
        ]
        ratios = ["src_byte_share", "src_packet_share", "src_bytes_per_packet"]
        assert row[ratios].isna().all()

    def test_of_unknown_volumes_has_missing_features_and_never_zeros(self):
        row = features_of(connection(src_bytes=5)).iloc[0]
        unknown = ["duration", "dst_bytes", "src_packets", "total_bytes", "bytes_per_second"]
        assert row[unknown].isna().all()
        assert row["src_bytes_10s"] == 5

    @pytest.mark.parametrize(
        ("port", "expected"),
        [
            (0, "well-known"),
            (1023, "well-known"),
            (1024, "registered"),
            (49151, "registered"),
            (49152, "dynamic"),
            (65535, "dynamic"),
            (None, None),
        ],
    )
    def test_gives_the_range_of_its_port(self, port, expected):
        assert features_of(connection(dst_port=port)).loc[0, "dst_port_class"] == expected

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("10.1.2.3", "inside"),
            ("172.31.255.255", "inside"),
            ("172.32.0.0", "outside"),
            ("192.168.0.1", "inside"),
            ("255.255.255.255", "inside"),
            ("203.0.113.5", "outside"),
            ("8.8.8.8", "outside"),
            ("224.0.0.251", "multicast"),
            ("fe80::1%eth0", "inside"),
            ("::1", "inside"),
            ("fd00::7", "inside"),
            ("2001:4860::8888", "outside"),
            ("ff02::fb", "multicast"),
            ("00:1b:44:11:3a:b7", None),
            ("printer", None),
            (None, None),
        ],
    )
    def test_gives_the_side_of_an_address(self, address, expected):
        assert sides(pd.Series([address, "1.1.1.1"], dtype=object)).tolist() == [
            expected,
            "outside",
        ]


class TestTheFeatureFrame:
    def test_holds_the_reserved_columns_unchanged_and_every_feature_of_its_type(self):
        connections = connections_of([connection(ts=i, label=0, uid=f"C{i}") for i in range(3)])
        connections.index = pd.Index([7, 3, 5])
        features = connection_features(connections)
        reserved = [name for name in RESERVED if name != UNIT]  # the source names no columns
        assert list(features) == [*reserved, *CONNECTION_FEATURES.columns]
        assert features.index.tolist() == [7, 3, 5]
        assert_frame_equal(features[reserved], connections[reserved])
        assert set(features[list(CONNECTION_FEATURES.numeric)].dtypes) == {np.dtype("float64")}
        assert set(features[list(CONNECTION_FEATURES.categorical)].dtypes) == {np.dtype("O")}

    def test_leaves_the_connections_as_they_were(self):
        connections = connections_of([connection(), connection(ts=1)])
        before = connections.copy(deep=True)
        features = connection_features(connections)
        features.loc[:, "uid"] = "changed"
        features.loc[:, "label"] = 1
        features.loc[:, "proto"] = "changed"
        features.loc[:, "duration"] = -1.0
        assert_frame_equal(connections, before)

    def test_of_no_connections_has_the_same_columns_and_types(self):
        connections = connections_of([connection()])
        none, some = connection_features(connections.iloc[:0]), connection_features(connections)
        assert len(none) == 0
        assert none.dtypes.equals(some.dtypes)

    def test_has_no_feature_that_names_a_host_or_a_moment(self):
        assert not set(CONNECTION_FEATURES.columns) & set(RESERVED)
        assert set(CONNECTION_FEATURES.columns) - set(CONNECTION_COLUMNS)
        assert len(set(CONNECTION_FEATURES.columns)) == len(CONNECTION_FEATURES.columns)


class TestRowsOfASource:
    def test_of_a_table_are_its_features(self):
        frame = pd.DataFrame({"a": [1.0]})
        assert to_features("table", frame, FeatureSchema(numeric=("a",))) is frame

    def test_with_features_of_another_version_are_refused(self):
        with pytest.raises(ParameterError, match="no feature phase_of_moon"):
            to_features(
                "connections", connections_of([connection()]), FeatureSchema(("phase_of_moon",))
            )

"""The connection schema, and the border check of connections."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from oddwire.errors import DataError
from oddwire.traffic.connections import (
    CONNECTION_COLUMNS,
    REQUIRED_COLUMNS,
    check_connections,
)

TYPES = {
    "ts": "datetime64[us, UTC]",
    "end": "datetime64[us, UTC]",
    "src_port": "Int32",
    "dst_port": "Int32",
    "duration": "float64",
    "src_bytes": "Int64",
    "dst_bytes": "Int64",
    "src_packets": "Int64",
    "dst_packets": "Int64",
    "label": "Int8",
}


def raw(**columns):
    """Three rows as a reader might hand them over."""
    given = {
        "ts": ["2026-03-02T00:00:03Z", "2026-03-02T00:00:01Z", "2026-03-02T00:00:02Z"],
        "src_ip": ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
        "dst_ip": ["93.0.0.1"] * 3,
        "dst_port": [443, 53, 22],
        "proto": ["tcp", "udp", "tcp"],
    }
    return pd.DataFrame({**given, **columns})


def checked(**columns):
    return check_connections(raw(**columns), origin="conn.csv")


class TestCheckedConnections:
    def test_have_every_column_in_order_and_of_its_type(self):
        connections = checked(label=[0, None, 1], bystander=1)
        assert list(connections) == list(CONNECTION_COLUMNS)
        types = connections.dtypes.astype(str).to_dict()
        assert types == dict.fromkeys(CONNECTION_COLUMNS, "object") | TYPES
        assert connections.drop(columns=[*REQUIRED_COLUMNS, "end", "label"]).isna().all(axis=None)

    def test_are_sorted_by_their_end_and_rows_of_one_end_keep_their_order(self):
        connections = checked(ts=[1, 0, 2], duration=[2.0, 2.0, None], uid=["a", "b", "c"])
        assert connections["uid"].tolist() == ["b", "c", "a"]
        assert connections.index.tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("start", "duration", "expected"),
        [
            (10, 2.5, "00:00:12.500000"),
            (10, 0.0000014, "00:00:10.000001"),
            (10, None, "00:00:10"),
            (10, np.inf, "00:00:10"),
            (10, 1e12, "00:00:10"),
            (10, 1e300, "00:00:10"),
        ],
    )
    def test_end_after_their_duration_or_where_it_is_unknown_or_absurd_as_they_begin(
        self, start, duration, expected
    ):
        ends = checked(ts=[start] * 3, duration=[duration] * 3)["end"]
        assert ends.unique().tolist() == [pd.Timestamp(f"1970-01-01 {expected}", tz="UTC")]

    def test_end_when_the_file_says_unless_it_says_nothing_or_what_cannot_be(self):
        ends = checked(ts=[10, 20, 30], duration=[1, 1, 1], end=["15", "", "29"])["end"]
        assert (ends - pd.Timestamp(0, tz="UTC")).dt.total_seconds().tolist() == [15, 21, 30]

    def test_pass_again_unchanged(self):
        once = checked(duration=[0.5, np.inf, None], service=["ssl", "", None])
        assert_frame_equal(check_connections(once, origin="again"), once)

    def test_leave_what_was_given_as_it_was(self):
        given = raw(src_bytes=["1", "2", "3"])
        before = given.copy(deep=True)
        check_connections(given, origin="conn.csv")
        assert_frame_equal(given, before)

    def test_take_numbers_written_as_text(self):
        connections = checked(src_bytes=["10", "", "30"], duration=["1.5", "inf", None])
        assert connections["src_bytes"].tolist() == [pd.NA, 30, 10]
        np.testing.assert_equal(connections["duration"].tolist(), [np.inf, np.nan, 1.5])

    @pytest.mark.parametrize(
        "time",
        [
            "2026-03-02T00:00:01.500000Z",
            "2026-03-02 01:00:01.5+01:00",
            "2026-03-02T00:00:01.5",
            1772409601.5,
            "1772409601.500000",
            pd.Timestamp("2026-03-02T00:00:01.5"),
            pd.Timestamp("2026-03-01T19:00:01.5", tz="America/New_York"),
        ],
    )
    def test_take_times_in_any_usual_writing(self, time):
        connections = checked(ts=[time] * 3)
        assert connections["ts"].unique().tolist() == [
            pd.Timestamp("2026-03-02T00:00:01.5", tz="UTC")
        ]

    def test_hold_an_infinite_count_as_unknown(self):
        unknown = checked(src_bytes=[np.inf, 1, 2])["src_bytes"].isna()
        assert unknown.tolist() == [False, False, True]

    def test_keep_counts_that_floats_cannot_hold(self):
        counts = [2**47 + 1, 0, 2**48]
        assert sorted(checked(src_bytes=[str(n) for n in counts])["src_bytes"]) == sorted(counts)

    def test_hold_text_as_text_and_unknown_as_none(self):
        connections = checked(ts=[1, 2, 3], uid=[7, None, "C3"], service=["", "dns", np.nan])
        assert connections["uid"].tolist()[1:] == [None, "C3"]
        assert connections["service"].tolist() == [None, "dns", None]


class TestRefusedConnections:
    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            ({"ts": [1, "yesterday", 3]}, "row 2: ts must be a time, got 'yesterday'"),
            ({"ts": [1, 2, None]}, "row 3: ts must be a time, got nothing"),
            ({"end": [1, None, "soon"]}, "row 3: end must be a time, got 'soon'"),
            ({"ts": [1e300, 2, 3]}, r"row 1: ts must be a time, got 1e\+300"),
            ({"dst_port": [1, "http", 3]}, "row 2: dst_port must be a number, got 'http'"),
            ({"dst_port": [1, 2, 65536]}, "row 3: dst_port must be from 0 to 65535, got 65536"),
            ({"dst_port": [1, 2, 1e12]}, "row 3: dst_port must be from 0 to 65535, got 1e?"),
            ({"dst_port": [-1, 2, 3]}, "row 1: dst_port must be from 0 to 65535, got -1"),
            ({"src_bytes": [0, 1.5, 2]}, "row 2: src_bytes must be whole, got 1.5"),
            ({"src_bytes": [0, 2**70, 2]}, f"row 2: src_bytes must be from 0 .* got {2**70}"),
            ({"dst_packets": [0, 0, -3]}, "row 3: dst_packets must be from 0 .* got -3"),
            ({"duration": [0, -0.1, 0]}, "row 2: duration must be 0 or more, got -0.1"),
            ({"duration": ["long", 0, 0]}, "row 1: duration must be a number, got 'long'"),
            ({"label": [0, 1, 2]}, "row 3: label must be 0 or 1, got 2"),
            ({"label": ["BENIGN", 0, 1]}, "row 1: label must be a number, got 'BENIGN'"),
        ],
    )
    def test_name_file_row_column_rule_and_value(self, columns, words):
        with pytest.raises(DataError, match=rf"^conn\.csv, {words}"):
            checked(**columns)

    @pytest.mark.parametrize("column", REQUIRED_COLUMNS)
    def test_name_a_column_that_is_absent(self, column):
        with pytest.raises(DataError, match=f"^conn.csv: .* needs the column '{column}', got "):
            check_connections(raw().drop(columns=column), origin="conn.csv")

    def test_name_a_column_that_stands_twice(self):
        twice = pd.concat([raw(), raw()[["proto"]]], axis=1)
        with pytest.raises(DataError, match=r"^conn\.csv: .* got 'proto' twice"):
            check_connections(twice, origin="conn.csv")

    def test_say_that_there_are_no_rows(self):
        with pytest.raises(DataError, match=r"^conn\.csv: at least one row is needed"):
            check_connections(raw().iloc[:0], origin="conn.csv")

    def test_cut_a_long_value(self):
        with pytest.raises(DataError) as caught:
            checked(dst_port=[1, "x" * 5000, 3])
        assert len(str(caught.value)) < 200

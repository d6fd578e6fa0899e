"""Parts computed apart equal the whole to the last bit."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from oddwire.errors import DataError
from oddwire.traffic.connections import type_connections
from oddwire.traffic.features.clock import ENOUGH
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.schema import FeatureSchema

NOW, DAY = 1_772_409_600, 86_400

# Steps around the widths of the windows, rows known late and far too early, broken clocks.
one_connection = st.fixed_dictionaries({
    "ts": st.one_of(
        st.integers(NOW, NOW + 30),
        st.sampled_from([NOW + step for step in (60, 599, 600, 601, 1200, 1800)]),
        st.sampled_from([0, NOW - 9 * DAY, NOW + 2 * DAY, NOW + 900 * DAY]),
    ),
    "duration": st.sampled_from([None, 0.0, 0.5, 600.0, 3600.0, 1e30]),
    "src_ip": st.sampled_from(["10.0.0.1", "10.0.0.2", None]),
    "dst_ip": st.sampled_from(["10.0.0.1", "93.1.2.3"]),
    "dst_port": st.sampled_from([22, 443, None]),
    "proto": st.just("tcp"),
    "src_bytes": st.sampled_from([0, 1, 2**48, None]),
    "dst_bytes": st.sampled_from([0, 7]),
    "conn_state": st.sampled_from(["SF", "S0", None]),
})  # fmt: skip
# Of rows repeated, enough follow each other to move the clock over a leap.
some_connections = st.lists(
    st.tuples(one_connection, st.sampled_from([1, 1, 1, 2, ENOUGH])), min_size=1, max_size=15
).map(lambda counted: [row for row, count in counted for _ in range(count)])


def connections_of(rows):
    return type_connections(pd.DataFrame(rows, dtype=object), origin="test")


def cut(frame, cuts):
    borders = [0, *sorted(place for place in cuts if place < len(frame)), len(frame)]
    return [frame.iloc[a:b] for a, b in itertools.pairwise(borders)]


@settings(deadline=None, max_examples=60)
@given(rows=some_connections, cuts=st.sets(st.integers(0, 150), max_size=8), turned=st.booleans())
def test_parts_computed_apart_in_any_order_equal_the_whole_to_the_last_bit(rows, cuts, turned):
    connections = connections_of(rows)
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    parts = dict(enumerate([features.take(part) for part in cut(connections, cuts)]))
    found = {place: parts[place].features() for place in sorted(parts, reverse=turned)}
    together = pd.concat([found[place] for place in parts], ignore_index=True)
    whole = connection_features(connections)
    numeric = list(CONNECTION_FEATURES.numeric)
    assert together[numeric].to_numpy().tobytes() == whole[numeric].to_numpy().tobytes()
    assert_frame_equal(together, whole, check_exact=True)


@settings(deadline=None, max_examples=20)
@given(
    rows=some_connections, cuts=st.sets(st.integers(0, 150), max_size=8), workers=st.integers(1, 3)
)
def test_parts_computed_at_the_same_time_come_in_their_order(rows, cuts, workers):
    connections = connections_of(rows)
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    found = list(features.of_all(iter(cut(connections, cuts)), workers=workers))
    together = pd.concat(found, ignore_index=True)
    assert_frame_equal(together, connection_features(connections), check_exact=True)


def test_no_more_batches_are_taken_than_are_computed_at_once():
    connections = connections_of([{"ts": NOW, "src_ip": "10.0.0.1", "dst_ip": "10.0.0.2",
                                   "dst_port": 1, "proto": "tcp"}] * 9)  # fmt: skip
    taken = []
    batches = (taken.append(part) or part for part in cut(connections, set(range(9))))
    frames = FeaturesInBatches("connections", CONNECTION_FEATURES).of_all(batches, workers=2)
    assert len(next(frames)) == 0
    assert len(taken) == 3


def test_of_the_rows_before_no_more_are_kept_than_the_longest_window_reaches():
    rows = [{"ts": NOW + step, "src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "dst_port": 1,
             "proto": "tcp"} for step in (0, 1, 599, 600, 600)]  # fmt: skip
    late = {**rows[0], "ts": NOW - 3600}
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    first = features.take(connections_of([*rows, late]))
    assert first.overlap == 0
    # The first row has left the window; the one known late has not.
    second = features.take(connections_of(rows[-1:]))
    assert second.overlap == 5
    assert second.features()["src_connections_600s"].tolist() == [6]


def rows_from(start, every=60):
    return connections_of([
        {"ts": start + every * at, "src_ip": "10.0.0.1", "dst_ip": f"93.1.2.{every % 7}",
         "dst_port": 443, "proto": "tcp", "src_bytes": 260, "dst_bytes": 96}
        for at in range(40)
    ])  # fmt: skip


def test_later_rows_go_on_behind_what_was_kept_and_earlier_ones_do_not(tmp_path):
    before, after = rows_from(NOW, every=3600), rows_from(NOW + 40 * 3600)
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    features.of(before)
    features.save(tmp_path / "kept")
    wanted = features.of(after)
    alone = connection_features(after)
    assert (wanted["new_dst_connections"] != alone["new_dst_connections"]).any()
    behind = FeaturesInBatches("connections", CONNECTION_FEATURES, behind=[tmp_path / "kept"])
    found = pd.concat([behind.of(after.iloc[:7]), behind.of(after.iloc[7:])], ignore_index=True)
    assert_frame_equal(found, wanted, check_exact=True)
    again = FeaturesInBatches("connections", CONNECTION_FEATURES, behind=[tmp_path / "kept"])
    assert_frame_equal(again.of(before), connection_features(before), check_exact=True)
    none = FeaturesInBatches("connections", CONNECTION_FEATURES, behind=[tmp_path / "nothing"])
    assert_frame_equal(none.of(after), alone, check_exact=True)


@pytest.mark.parametrize("name", ["before.parquet", "state.npz"])
def test_what_was_kept_and_is_damaged_is_told(tmp_path, name):
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    features.of(rows_from(NOW))
    features.save(tmp_path / "kept")
    file = tmp_path / "kept" / name
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"kept is damaged .*: remove it"):
        FeaturesInBatches("connections", CONNECTION_FEATURES).load(tmp_path / "kept")


def test_rows_of_a_table_stand_for_themselves():
    frame = pd.DataFrame({"a": [1.0]})
    features = FeaturesInBatches("table", FeatureSchema(numeric=("a",)))
    assert features.of(frame) is frame

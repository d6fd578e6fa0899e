"""Micro-batches have the features of all rows at once, to the last bit."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from oddwire.errors import ParameterError
from oddwire.traffic.connections import type_connections
from oddwire.traffic.features.clock import ENOUGH, Clock
from oddwire.traffic.features.connection_features import (
    CONNECTION_FEATURES,
    LONGEST_WINDOW,
    WINDOW_FEATURES,
    connection_features,
)
from oddwire.traffic.features.long_memory import SLOTS, LongMemory
from oddwire.traffic.features.rolling import windows
from oddwire.traffic.features.rolling.rolling_features import RollingFeatures
from oddwire.traffic.schema import FeatureSchema

NOW, DAY = 1_772_409_600, 86_400
NUMERIC = list(CONNECTION_FEATURES.numeric)

# Steps around the widths of the windows, equal times, rows known late and too early, broken clocks.
one_connection = st.fixed_dictionaries({
    "ts": st.one_of(
        st.integers(NOW, NOW + 30),
        st.sampled_from([NOW + step for step in (10, 60, 70, 599, 600, 601, 1200, 1800)]),
        st.sampled_from([0, NOW - 9 * DAY, NOW + 2 * DAY, NOW + 900 * DAY]),
    ),
    "duration": st.sampled_from([None, 0.0, 0.5, 600.0, 3600.0, 1e30]),
    "src_ip": st.sampled_from(["10.0.0.1", "10.0.0.2", "fe80::1", None]),
    "dst_ip": st.sampled_from(["10.0.0.1", "93.1.2.3", "224.0.0.1", None]),
    "dst_port": st.sampled_from([0, 22, 443, 65_535, None]),
    "proto": st.sampled_from(["tcp", "icmp", None]),
    "src_bytes": st.sampled_from([0, 1, 2**48, None]),
    "dst_bytes": st.sampled_from([0, 7, None]),
    "conn_state": st.sampled_from(["SF", "S0", "REJ", None]),
})  # fmt: skip
# Of rows repeated, enough follow each other to move the clock over a leap.
some_connections = st.lists(
    st.tuples(one_connection, st.sampled_from([1, 1, 1, 2, ENOUGH])), min_size=1, max_size=30
).map(lambda counted: connections_of([row for row, count in counted for _ in range(count)]))
some_cuts = st.sets(st.integers(0, 90), max_size=12)


def connections_of(rows):
    return type_connections(pd.DataFrame(rows, dtype=object), origin="test")


def many_connections(rows, seed, *, every=0.05):
    """Make busy and quiet hosts, a scan in the middle and a silence before the last tenth."""
    random = np.random.default_rng(seed)
    at = np.sort(random.random(rows)) * rows * every
    at[rows * 9 // 10 :] += 3 * LONGEST_WINDOW
    sites = (2_000 * random.random(rows) ** 3).astype(int)
    scan = slice(rows // 3, rows // 2)
    sites[scan] = np.arange(scan.stop - scan.start) + 5_000
    return connections_of({
        "ts": NOW + at,
        "duration": random.exponential(20, rows),
        "src_ip": np.char.add("10.0.0.", random.integers(1, 40, rows).astype(str)),
        "dst_ip": [f"93.{site >> 8}.{site & 255}.1" for site in sites],
        "dst_port": random.choice([22, 53, 80, 443, 8080], rows),
        "proto": "tcp",
        "src_bytes": random.integers(0, 2**20, rows),
        "dst_bytes": random.integers(0, 2**20, rows),
        "conn_state": random.choice(np.array(["SF", "S0", "REJ", None], dtype=object), rows),
    })  # fmt: skip


def cut(frame, cuts):
    borders = [0, *sorted(place for place in cuts if place < len(frame)), len(frame)]
    return [frame.iloc[a:b] for a, b in itertools.pairwise(borders)]


def in_batches(features, batches):
    return pd.concat([features.of(batch) for batch in batches])


def with_little_memory():
    memory = LongMemory(dict.fromkeys(SLOTS, 64))
    return RollingFeatures(CONNECTION_FEATURES, memory=memory, most_rows=7)


def assert_same(found, wanted):
    assert found[NUMERIC].to_numpy().tobytes() == wanted[NUMERIC].to_numpy().tobytes()
    assert_frame_equal(found, wanted, check_exact=True)


class TestMicroBatches:
    @settings(deadline=None, max_examples=60)
    @given(rows=some_connections, cuts=some_cuts)
    def test_equal_all_rows_at_once_to_the_last_bit(self, rows, cuts):
        found = in_batches(RollingFeatures(CONNECTION_FEATURES), cut(rows, cuts))
        assert_same(found, connection_features(rows))

    @pytest.mark.parametrize("seed", [1, 2])
    def test_equal_them_while_tables_grow_and_shrink(self, seed, monkeypatch):
        monkeypatch.setattr(windows, "_AT_ONCE", 64)
        rows = many_connections(30_000, seed)
        features = RollingFeatures(CONNECTION_FEATURES)
        cuts = np.random.default_rng(seed).integers(0, len(rows), 60)
        assert_same(in_batches(features, cut(rows, set(cuts))), connection_features(rows))

    def test_may_hold_no_rows(self):
        rows = connections_of([{"ts": NOW, "src_ip": "10.0.0.1", "dst_ip": "10.0.0.2",
                                "dst_port": 1, "proto": "tcp"}])  # fmt: skip
        features = RollingFeatures(CONNECTION_FEATURES)
        none = features.of(rows.iloc[:0])
        assert list(none) == list(features.of(rows))
        assert (len(none), features.clocks.tolist()) == (0, [NOW * 1_000_000])

    def test_tell_the_clock_of_their_rows(self):
        rows = many_connections(500, 3)
        features, clocks = RollingFeatures(CONNECTION_FEATURES), Clock().of(rows)
        features.of(rows.iloc[:200])
        np.testing.assert_array_equal(features.clocks, clocks[:200])
        features.see(rows.iloc[200:])
        np.testing.assert_array_equal(features.clocks, clocks[200:])

    def test_are_refused_features_that_there_are_not(self):
        with pytest.raises(ParameterError, match="have no feature oddness"):
            RollingFeatures(FeatureSchema(numeric=("oddness",)))


class TestARestart:
    @settings(deadline=None, max_examples=40)
    @given(rows=some_connections, cuts=some_cuts, data=st.data())
    def test_changes_nothing(self, rows, cuts, data):
        batches = cut(rows, cuts)
        saved = data.draw(st.integers(0, len(batches)))
        stopped = data.draw(st.integers(saved, len(batches)))
        before = with_little_memory()
        arrays, clocks = before.to_arrays(), []
        for number, batch in enumerate(batches):
            if number == saved:
                arrays = before.to_arrays()
            before.see(batch)
            clocks.append(before.clocks)
        if saved == len(batches):
            arrays = before.to_arrays()
        after = with_little_memory()
        after.go_on(arrays)
        for batch, clock in zip(batches[:saved], clocks[:saved], strict=True):
            after.see_again(batch, clock)
        for batch in batches[saved:stopped]:
            after.see(batch)
        whole = with_little_memory()
        wanted = whole.of(rows).iloc[sum(map(len, batches[:stopped])) :]
        if stopped < len(batches):
            assert_same(in_batches(after, batches[stopped:]), wanted)
        assert after.dropped == whole.dropped

    def test_needs_no_rows_of_before_the_longest_window(self):
        rows = many_connections(20_000, 4, every=0.2)
        before = RollingFeatures(CONNECTION_FEATURES)
        before.see(rows.iloc[:15_000])
        reached = before.clocks > before.clocks[-1] - LONGEST_WINDOW * 1_000_000
        assert 1_000 < reached.sum() < 5_000
        after = RollingFeatures(CONNECTION_FEATURES)
        after.go_on(before.to_arrays())
        after.see_again(rows.iloc[:15_000][reached], before.clocks[reached])
        assert_same(after.of(rows.iloc[15_000:]), before.of(rows.iloc[15_000:]))

    def test_needs_a_clock_for_each_row(self):
        with pytest.raises(ValueError, match="20 rows need as many clocks, got 3"):
            RollingFeatures(CONNECTION_FEATURES).see_again(
                many_connections(20, 7), np.zeros(3, dtype=np.int64)
            )

    def test_from_arrays_of_another_shape_is_refused(self):
        features = RollingFeatures(CONNECTION_FEATURES)
        arrays = features.to_arrays()
        with pytest.raises(KeyError):
            features.go_on({name: arrays[name] for name in arrays if name != "clock"})
        with pytest.raises(ValueError, match="dst_keys must be uint64"):
            features.go_on(arrays | {"dst_keys": arrays["dst_keys"].astype(float)})

    def test_is_from_what_was_known_then(self):
        rows = many_connections(2_000, 5)
        features = RollingFeatures(CONNECTION_FEATURES)
        features.see(rows.iloc[:1_000])
        arrays = features.to_arrays()
        kept = {name: array.copy() for name, array in arrays.items()}
        features.see(rows.iloc[1_000:])
        assert all((arrays[name] == kept[name]).all() for name in kept)


class TestACap:
    @settings(deadline=None, max_examples=15)
    @given(rows=some_connections, cuts=some_cuts, most_rows=st.integers(1, 12))
    def test_leaves_the_windows_of_the_last_rows(self, rows, cuts, most_rows):
        features = RollingFeatures(CONNECTION_FEATURES, most_rows=most_rows)
        found = in_batches(features, cut(rows, cuts))
        clocks = Clock().of(rows)
        for row in range(len(rows)):
            last = slice(max(0, row + 1 - most_rows), row + 1)
            alone = connection_features(rows.iloc[last], clocks[last])
            wanted = alone[list(WINDOW_FEATURES)].to_numpy()[-1]
            assert found[list(WINDOW_FEATURES)].to_numpy()[row].tobytes() == wanted.tobytes()
        assert features.dropped == dropped_by(clocks, most_rows)

    def test_bounds_the_memory(self, monkeypatch):
        monkeypatch.setattr(windows, "_AT_ONCE", 64)
        rows = many_connections(20_000, 6, every=0.01)
        wide, narrow = (
            RollingFeatures(CONNECTION_FEATURES, most_rows=most) for most in (10**6, 500)
        )
        for batch in cut(rows, set(range(0, 20_000, 100))):
            wide.see(batch)
            narrow.see(batch)
            assert len(narrow._windows) <= 500
            assert narrow._windows.nbytes < 1.5 * 600 * 500
        assert wide.dropped == 0
        assert narrow.dropped == 17_500 + 1_500


def dropped_by(clocks, most_rows):
    """Count the rows that are pushed out while they are still within the longest window."""
    pushed = clocks[most_rows:] - clocks[:-most_rows] if most_rows < len(clocks) else clocks[:0]
    return int((pushed < LONGEST_WINDOW * 1_000_000).sum())

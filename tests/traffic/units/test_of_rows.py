"""Units and incidents: what false alarms are counted in."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddwire.traffic.units import UNKNOWN_SOURCE, units_of

MINUTE = 60

# Rows in the order in which they were known: the source, seconds since the row before, the score.
sources = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", None])
gaps = st.integers(0, 700) | st.sampled_from([0, 599, 600, 601, 3_000_000])
rows_of_log = st.lists(st.tuples(sources, gaps, st.integers(0, 5)), min_size=1, max_size=40)


def connections(sources, seconds):
    ends = pd.to_datetime(np.asarray(seconds, dtype=np.int64), unit="s", utc=True)
    return pd.DataFrame(
        {"ts": ends.as_unit("us"), "end": ends.as_unit("us"), "src_ip": list(sources)},
    )


def table(sources, times):
    moments = pd.Series(pd.to_datetime(times, unit="s", utc=True)).dt.as_unit("us")
    return pd.DataFrame({"ts": moments, "unit": pd.Series(sources, dtype=object)})


def drawn(rows):
    seconds = np.cumsum([gap for _, gap, _ in rows])
    return [source for source, _, _ in rows], seconds, [score for _, _, score in rows]


def counted(sources, clock, scores, threshold, seconds=600):
    """Count incidents one alert after the other."""
    last: dict[object, int] = {}
    found = 0
    for row, (source, at, score) in enumerate(zip(sources, clock, scores, strict=True)):
        if score < threshold:
            continue
        key = ("row", row) if source is None else source
        found += key not in last or at - last[key] >= seconds
        last[key] = at
    return found


class TestIncidents:
    @given(rows_of_log)
    def test_are_as_many_as_a_plain_count_finds_at_every_threshold(self, rows):
        sources, seconds, scores = drawn(rows)
        units = units_of(table(sources, seconds))
        before = units.before(scores)
        lowest = np.minimum(scores, before)
        for threshold in np.arange(-0.5, 6, 0.5):
            expected = counted(sources, seconds, scores, threshold)
            assert units.incidents(scores, threshold) == expected
            # Over all thresholds at once, by two sorted arrays.
            begun = np.count_nonzero(np.asarray(scores) >= threshold)
            assert begun - np.count_nonzero(lowest >= threshold) == expected

    @given(rows_of_log, st.sampled_from([0.5, 1, 10, 60]))
    def test_of_connections_go_by_the_clock_of_the_log(self, rows, minutes):
        sources, seconds, scores = drawn(rows)
        units = units_of(connections(sources, seconds), minutes=minutes)
        clock = units.clock // 1_000_000
        assert (np.diff(clock) >= 0).all()
        for threshold in (1, 3, 5):
            expected = counted(sources, clock, scores, threshold, seconds=minutes * MINUTE)
            assert units.incidents(scores, threshold) == expected

    def test_are_two_from_a_gap_of_ten_minutes_on_and_alerts_alone_count(self):
        units = units_of(table(["a"] * 5, [0, 599, 1198, 1798, 2000]))
        assert units.incidents([1, 1, 1, 1, 1], 1) == 2
        assert units.incidents([1, 0, 1, 0, 1], 1) == 3

    def test_need_a_score_per_row(self):
        with pytest.raises(ValueError, match="a score per row is needed, 2 in all, got 3"):
            units_of(table(["a", "b"], [0, 1])).before([1, 2, 3])


class TestTheHighestScoreBefore:
    @given(rows_of_log, st.permutations(range(4)))
    def test_does_not_depend_on_how_sources_are_numbered(self, rows, order):
        sources, seconds, scores = drawn(rows)
        names = dict(zip(["10.0.0.1", "10.0.0.2", "10.0.0.3", None], order, strict=True))
        renamed = [None if one is None else f"host {names[one]}" for one in sources]
        one, other = units_of(table(sources, seconds)), units_of(table(renamed, seconds))
        np.testing.assert_array_equal(one.before(scores), other.before(scores))
        np.testing.assert_array_equal(one.codes, other.codes)

    @given(rows_of_log)
    def test_is_that_of_each_source_by_itself(self, rows):
        sources, seconds, scores = drawn(rows)
        units, scores = units_of(table(sources, seconds)), np.asarray(scores)
        before = units.before(scores)
        for number in range(len(units.names)):
            chosen = units.sources == number
            alone = units.take(chosen)
            assert alone.names.tolist() == [units.names[number]]
            np.testing.assert_array_equal(alone.before(scores[chosen]), before[chosen])
            places = units.take(np.flatnonzero(chosen))
            np.testing.assert_array_equal(places.before(scores[chosen]), before[chosen])

    @given(rows_of_log)
    def test_does_not_depend_on_the_index_of_the_rows(self, rows):
        sources, seconds, scores = drawn(rows)
        frame = table(sources, seconds)
        other = frame.set_axis(frame.index[::-1] // 2)
        np.testing.assert_array_equal(
            units_of(frame).before(scores), units_of(other).before(scores)
        )

    def test_leaves_out_what_is_ten_minutes_old(self):
        units = units_of(table(["a", "b", "a", "a"], [0, 1, 599, 600]))
        assert units.before([3, 9, 1, 2]).tolist() == [-np.inf, -np.inf, 3, 1]


class TestTheUnit:
    @given(rows_of_log)
    def test_is_a_source_in_ten_minutes_of_the_clock(self, rows):
        sources, seconds, _ = drawn(rows)
        codes = units_of(table(sources, seconds)).codes
        keys = [
            (row if source is None else source, at // 600)
            for row, (source, at) in enumerate(zip(sources, seconds, strict=True))
        ]
        expected = pd.factorize(pd.Series(keys, dtype=object))[0]
        assert codes.tolist() == expected.tolist()

    def test_of_connections_is_their_src_ip_unless_the_source_names_columns(self):
        frame = connections(["a", "a", "b"], [0, 1, 2])
        units = units_of(frame)
        assert (units.kind, units.sources.tolist(), units.names.tolist()) == (
            "source and time", [0, 0, 1], ["a", "b"],
        )  # fmt: skip
        named = units_of(frame.assign(unit=["a,80", "a,443", "a,80"]))
        assert (named.sources.tolist(), named.names.tolist()) == ([0, 1, 0], ["a,80", "a,443"])

    def test_of_a_table_is_a_row_where_no_columns_are_named_whatever_it_has(self):
        frame = pd.DataFrame({"src_ip": ["a", "a"], "end": [1.0, 2.0]})  # a feature of that name
        units = units_of(frame)
        assert (units.kind, units.codes.tolist()) == ("row", [0, 1])
        assert set(units.names) == {UNKNOWN_SOURCE}
        assert units.before([1, 2]).tolist() == [-np.inf, -np.inf]
        assert units.incidents([1, 2], 1) == 2

    @pytest.mark.parametrize("times", [None, [None, None, None]], ids=["no column", "no value"])
    def test_without_times_is_the_source(self, times):
        frame = (
            pd.DataFrame({"unit": ["a", "b", "a"]}) if times is None else table(list("aba"), times)
        )
        units = units_of(frame)
        assert (units.kind, units.clock, units.codes.tolist()) == ("source", None, [0, 1, 0])
        assert units.incidents([1, 1, 1], 1) == 2
        assert units.before([1, 2, 3]).tolist() == [-np.inf, -np.inf, 1]

    def test_of_a_row_without_a_source_is_the_row(self):
        units = units_of(table([None, "a", None, "a"], [0, 1, 2, 3]))
        assert units.codes.tolist() == [0, 1, 2, 1]
        assert units.names[units.sources].tolist() == [UNKNOWN_SOURCE, "a", UNKNOWN_SOURCE, "a"]
        assert units.incidents([1, 1, 1, 1], 1) == 3
        assert units.take([0, 2]).incidents([1, 1], 1) == 2

    def test_of_rows_without_a_time_which_come_first_is_that_of_the_first_one_with_a_time(self):
        units = units_of(table(["a", "a", "a"], [None, 100, 800]))
        assert units.codes.tolist() == [0, 0, 1]

    def test_moves_on_with_the_clock_though_ends_go_back(self):
        units = units_of(connections(["a"] * 4, [0, 700, 10, 720]))
        assert units.codes.tolist() == [0, 1, 1, 1]

    @pytest.mark.parametrize(
        ("frame", "kind"),
        [
            (connections([], []), "source and time"),
            (table([], []), "source and time"),
            (pd.DataFrame({"unit": pd.Series(dtype=object)}), "source"),
            (pd.DataFrame({"bytes": pd.Series(dtype=float)}), "row"),
        ],
        ids=["connections", "table", "without time", "without source"],
    )
    def test_of_no_rows_is_none(self, frame, kind):
        units = units_of(frame)
        assert (len(units), units.kind, len(units.names)) == (0, kind, 0)
        assert units.codes.tolist() == units.before([]).tolist() == []
        assert units.incidents([], 0) == 0
        assert len(units.take(np.zeros(0, dtype=bool))) == 0

    def test_may_be_of_columns_of_any_text_type(self):
        for dtype in ("object", "string", "category"):
            frame = table(["a", None, "a"], [0, 1, 2]).astype({"unit": dtype})
            assert units_of(frame).sources.tolist() == [0, 1, 0]


@pytest.mark.parametrize("rows", [50_000, 200_000])
def test_memory_grows_with_the_rows_alone(rows):
    """Nor with the longest name: one from the wire may be of any length."""
    names = [f"host {number}" for number in range(rows)]
    names[7] = "x" * 100_000
    frame = table(names, np.arange(rows))
    scores = np.random.default_rng(0).random(rows)
    units_of(frame.head(9)).before(scores[:9])  # compiled
    tracemalloc.start()
    units = units_of(frame)
    units.before(scores)
    assert len(np.unique(units.codes)) == rows
    assert tracemalloc.get_traced_memory()[1] < 400 * rows
    tracemalloc.stop()

"""The worst row of a unit so far is the same however the rows come, in bounded memory."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.traffic.units import units_of
from oddwire.traffic.units.so_far import UnitsSoFar


def rows(n=400, *, seed=0, sources=12, hours=3.0, known="end"):
    random = np.random.default_rng(seed)
    seconds = np.sort(random.uniform(0, hours * 3600, n)).round(1)
    names = random.choice([f"10.0.0.{number}" for number in range(sources)], n)
    frame = pd.DataFrame({known: pd.to_datetime(seconds, unit="s", utc=True)})
    frame["src_ip" if known == "end" else "unit"] = pd.array(names, dtype="string")
    return frame, random.normal(size=n)


def of_all_at_once(frame, scores):
    """The highest score of each unit so far, the simple way."""
    return pd.Series(scores).groupby(units_of(frame).codes).cummax().to_numpy()


def in_batches(frame, scores, cuts, units=None):
    units = units or UnitsSoFar()
    edges = [0, *sorted(cuts), len(frame)]
    parts = [units.update(frame[begin:end], scores[begin:end]) for begin, end in pairwise(edges)]
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 400), max_size=9),
    known=st.sampled_from(["end", "ts"]),
)  # fmt: skip
def test_it_is_the_highest_score_of_the_unit_however_rows_are_cut(seed, cuts, known):
    frame, scores = rows(seed=seed, known=known)
    before, worst, clock = in_batches(frame, scores, cuts)
    np.testing.assert_array_equal(worst, of_all_at_once(frame, scores))
    first = ~pd.Series(units_of(frame).codes).duplicated().to_numpy()
    np.testing.assert_array_equal(np.isneginf(before), first)
    np.testing.assert_array_equal(np.maximum(before, scores), worst)
    np.testing.assert_array_equal(clock, units_of(frame).clock)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 400), max_size=9))
def test_more_sources_than_places_are_forgotten_alike_however_rows_are_cut(seed, cuts):
    frame, scores = rows(seed=seed, sources=300, hours=0.2)
    expected = UnitsSoFar(places=16).update(frame, scores)
    assert (expected.worst < of_all_at_once(frame, scores)).any(), "nothing was forgotten"
    units = UnitsSoFar(places=16)
    got = in_batches(frame, scores, cuts, units)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 99), at=st.integers(0, 400))
def test_it_goes_on_from_what_was_saved(seed, at):
    frame, scores = rows(seed=seed, sources=40)
    expected = UnitsSoFar().update(frame, scores)
    units = UnitsSoFar()
    units.update(frame[:at], scores[:at])
    arrays = {name: array.copy() for name, array in units.to_arrays().items()}
    units.update(frame[at:], scores[at:])  # which changes nothing of what was saved
    rest = UnitsSoFar.from_arrays(arrays).update(frame[at:], scores[at:])
    for one, other in zip(rest, expected, strict=True):
        np.testing.assert_array_equal(one, other[at:])


def test_only_the_current_ten_minutes_are_kept():
    frame, scores = rows(2000, sources=50, hours=24)
    units = UnitsSoFar()
    units.update(frame, scores)
    slots = units_of(frame).clock // 600_000_000
    now = frame["src_ip"][slots == slots[-1]].nunique()
    assert len(units.to_arrays()["units_keys"]) == now


def test_what_is_skipped_moves_the_clock_alone():
    frame, scores = rows(hours=1)
    units = UnitsSoFar()
    units.skip(frame[:200])
    late = frame[200:].assign(end=frame["end"][0])
    found = units.update(late, scores[200:])
    assert np.unique(found.clock).tolist() == [units_of(frame).clock[199]]


def test_a_row_of_nobody_is_a_unit_by_itself():
    frame, scores = rows(20)
    frame["src_ip"] = pd.array([None] * 20, dtype="string")
    np.testing.assert_array_equal(UnitsSoFar().update(frame, scores).worst, scores)


def test_rows_without_sources_are_units_and_sources_without_times_too():
    scores = np.array([3.0, 1.0, 2.0])
    alone = UnitsSoFar().update(pd.DataFrame({"bytes": [1.0, 2.0, 3.0]}), scores)
    np.testing.assert_array_equal(alone.worst, scores)
    named = pd.DataFrame({"unit": pd.array(["a", "b", "a"], dtype="string")})
    assert UnitsSoFar().update(named, scores).worst.tolist() == [3.0, 1.0, 3.0]


def test_rows_of_a_table_without_a_time_are_of_the_time_before_them():
    times = pd.to_datetime([None, 0, None, 700], unit="s", utc=True)
    frame = pd.DataFrame({"ts": times, "unit": pd.array(["a"] * 4, dtype="string")})
    found = UnitsSoFar().update(frame, [4.0, 1.0, 3.0, 2.0])
    assert found.worst.tolist() == [4.0, 1.0, 3.0, 2.0]


@pytest.mark.parametrize("damaged", ["units_places", "units_state"])
def test_what_is_damaged_is_refused(damaged):
    arrays = UnitsSoFar().to_arrays()
    del arrays[damaged]
    with pytest.raises(KeyError):
        UnitsSoFar.from_arrays(arrays)

"""The clock of the time windows: the newest end so far, and what moves it no further."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.traffic.features import clock as clock_module
from oddwire.traffic.features.clock import ENOUGH, MICROSECONDS, Clock

DAY = 86_400
YEAR = 366 * DAY
NOW = 1_772_409_600

# Ordinary steps, late rows, broken clocks, and leaps of all.
ENDS = st.lists(
    st.one_of(
        st.integers(NOW, NOW + 3 * DAY),
        st.integers(0, 2 * NOW),
        st.sampled_from([0, NOW - YEAR, NOW + YEAR, 250_000_000_000]),
    ),
    min_size=1,
    max_size=60,
)


@pytest.fixture(params=["compiled", "interpreted"])
def kernels(request, monkeypatch):
    """The same loop, compiled and as plain Python."""
    if request.param == "interpreted":
        monkeypatch.setattr(clock_module, "compiled", lambda function, _: function)


def rows_of(ends):
    times = pd.to_datetime(pd.Series(ends, dtype="int64").astype("datetime64[s]"))
    return pd.DataFrame({"end": times.dt.tz_localize("UTC")})


def clocks_of(*ends):
    return (Clock().of(rows_of(ends)) // MICROSECONDS).tolist()


@pytest.mark.usefixtures("kernels")
@settings(deadline=None)
@given(steps=st.lists(st.integers(-DAY, DAY), max_size=40))
def test_is_the_newest_end_so_far_where_none_is_more_than_a_day_away(steps):
    ends = [NOW]
    for step in steps:
        ends.append(max(ends) + step)
    assert clocks_of(*ends) == list(accumulate(ends, max))


@pytest.mark.usefixtures("kernels")
@settings(deadline=None)
@given(ends=ENDS, cuts=st.sets(st.integers(1, 59)))
def test_is_the_same_however_the_rows_are_cut_and_never_goes_back(ends, cuts):
    rows, clock = rows_of(ends), Clock()
    borders = [0, *sorted(cut for cut in cuts if cut < len(ends)), len(ends)]
    parts = [clock.of(rows.iloc[a:b]) for a, b in pairwise(borders)]
    whole = Clock().of(rows)
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert (np.diff(whole) >= 0).all()


@pytest.mark.parametrize("broken", [NOW + 2 * DAY, NOW + 10 * YEAR, 250_000_000_000, 0])
def test_is_not_moved_by_broken_ends_as_long_as_they_are_few(broken):
    """Without that, all rows after the first one far ahead would be in every window."""
    strays = [broken] * (ENOUGH - 1)
    assert clocks_of(NOW, *strays, NOW + 5) == [NOW] * ENOUGH + [NOW + 5]
    # One sensor of many whose clock is broken.
    ends = [end for step in range(50) for end in (NOW + step, NOW + step, broken)]
    assert clocks_of(*ends) == [NOW + step for step in range(50) for _ in range(3)]


def test_leaps_with_the_rows_over_a_time_without_any():
    after = [NOW + 9 * DAY + step for step in range(2 * ENOUGH)]
    found = clocks_of(NOW, *after)
    assert found[:ENOUGH] == [NOW] * ENOUGH
    # To the first of those that said so: one of them may be broken too.
    assert found[ENOUGH] == after[0]
    assert found[ENOUGH + 1 :] == after[ENOUGH:]


def test_moves_on_by_a_day_when_time_goes_back_such_as_from_one_capture_to_an_older_one():
    older = [NOW - 9 * DAY + step for step in range(2 * ENOUGH)]
    found = clocks_of(NOW, *older)
    assert found[:ENOUGH] == [NOW] * ENOUGH
    assert found[ENOUGH:] == [NOW + DAY + step for step in range(ENOUGH + 1)]


def test_finds_its_way_from_a_first_row_that_is_broken():
    found = clocks_of(NOW + 5 * YEAR, *(NOW + step for step in range(3 * ENOUGH)))
    assert np.diff(found[ENOUGH + 1 :]).tolist() == [1] * (2 * ENOUGH - 1)


@pytest.mark.usefixtures("kernels")
def test_a_row_without_an_end_does_not_move_it():
    ends = [None, NOW, NOW + 5, *[None] * ENOUGH, NOW + 7]
    rows = pd.DataFrame(
        {"end": pd.to_datetime(pd.Series(ends, dtype="float64"), unit="s", utc=True)}
    )
    found = Clock().of(rows) // MICROSECONDS
    assert found.tolist() == [0, NOW, NOW + 5, *[NOW + 5] * ENOUGH, NOW + 7]


def test_of_no_rows_is_none():
    assert clocks_of() == []

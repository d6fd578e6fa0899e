"""The engine of causal windows: starts, sums and distinct counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.traffic.features import time_windows
from oddwire.traffic.features.time_windows import (
    Codes,
    KeyedRows,
    count_distinct,
    count_rows,
    sum_inside,
)

keyed_events = st.lists(
    st.tuples(
        st.integers(-1, 2),  # key, -1 unknown
        st.integers(0, 20),  # by how much the clock moves on
        st.integers(-1, 3),  # a value to count, -1 unknown
        st.integers(-(2**60), 2**60),  # a value to add
    ),
    max_size=40,
)


@pytest.fixture(params=["compiled", "interpreted"])
def kernels(request, monkeypatch):
    """The same loops, compiled and as plain Python."""
    if request.param == "interpreted":
        monkeypatch.setattr(time_windows, "compiled", lambda function, _: function)


def columns_of(events):
    keys, steps, values, amounts = np.array(events, dtype=np.int64).reshape(-1, 4).T
    columns = (keys, np.cumsum(steps), values, amounts)
    return tuple(np.ascontiguousarray(column) for column in columns)


def windows_by_hand(keys, clocks, width):
    """For each row of known key, the rows of its window, by looking at all of them."""
    known = np.flatnonzero(keys >= 0).tolist()
    return {
        i: [j for j in known if j <= i and keys[j] == keys[i] and clocks[j] > clocks[i] - width]
        for i in known
    }


@pytest.mark.usefixtures("kernels")
@settings(deadline=None)  # the first example may compile
@given(events=keyed_events, width=st.integers(1, 40))
def test_windows_equal_those_found_by_looking_at_every_pair_of_rows(events, width):
    keys, clocks, values, amounts = columns_of(events)
    keyed = KeyedRows.group(Codes(keys, 3), clocks)
    starts = keyed.starts(width)
    rows = count_rows(starts)
    sums = sum_inside(amounts[keyed.positions], starts)
    distinct = count_distinct(Codes(values, 4).at(keyed.positions), starts)

    expected = windows_by_hand(keys, clocks, width)
    assert sorted(keyed.positions) == sorted(expected)
    for place, position in enumerate(keyed.positions):
        inside = expected[position]
        total = sum(int(amounts[j]) for j in inside)
        assert rows[place] == len(inside)
        assert (int(sums[place]) - total) % 2**64 == 0
        assert distinct[place] == len({values[j] for j in inside} - {-1})


def test_a_row_exactly_one_width_old_has_left_the_window():
    keyed = KeyedRows.group(Codes(np.zeros(3, dtype=np.int64), 1), np.array([0, 9, 10]))
    assert count_rows(keyed.starts(10)).tolist() == [1, 2, 2]


def test_rows_of_one_clock_see_those_before_them_and_not_those_after():
    keyed = KeyedRows.group(Codes(np.zeros(3, dtype=np.int64), 1), np.array([5, 5, 5]))
    assert keyed.positions.tolist() == [0, 1, 2]
    assert count_rows(keyed.starts(1)).tolist() == [1, 2, 3]


def test_a_sum_is_right_even_when_the_running_sum_has_left_64_bits():
    amounts = np.full(8, 2**61, dtype=np.int64)
    keyed = KeyedRows.group(Codes(np.zeros(8, dtype=np.int64), 1), np.arange(8))
    assert sum_inside(amounts, keyed.starts(2)).tolist() == [2**61] + [2**62] * 7


def test_no_rows_give_no_windows():
    nothing = np.empty(0, dtype=np.int64)
    keyed = KeyedRows.group(Codes(nothing, 0), nothing)
    starts = keyed.starts(10)
    assert len(count_rows(starts)) == 0
    assert len(sum_inside(nothing, starts)) == 0
    assert len(count_distinct(Codes(nothing, 0), starts)) == 0


def test_compiled_loops_are_kept_for_the_next_process(tmp_path):
    answer = _count_in_a_new_process({"NUMBA_CACHE_DIR": str(tmp_path)})
    assert answer == "[0, 0, 1]"
    assert list(tmp_path.rglob("*.nbi"))


def test_without_a_folder_to_keep_them_in_the_loops_compile_all_the_same():
    # A locator that never finds a folder stands for a read-only installation without a home: a
    # test that runs as root cannot make a folder that it may not write to.
    answer = _count_in_a_new_process(
        {"NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"},
    )
    assert answer == "[0, 0, 1]"


def _count_in_a_new_process(environment):
    source = Path(time_windows.__file__).parents[2]
    code = (
        "import numpy as np\n"
        "from oddwire.compiling import compiled\n"
        "from oddwire.traffic.features.time_windows import _window_starts\n"
        "starts = compiled(_window_starts, 'int64[::1](int64[::1], int64[::1], int64)')\n"
        "print(starts(np.zeros(3, dtype=np.int64), np.array([0, 9, 10]), 10).tolist())\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PYTHONPATH": str(source), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()

"""Ids: the same for the same thing, in every process, and for nothing else."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from oddwire.live.state import deterministic_id

PARTS = st.lists(st.text() | st.integers() | st.binary() | st.floats(allow_nan=False), max_size=4)


def test_another_process_gives_the_same_id():
    code = "from oddwire.live.state.ids import deterministic_id as d; print(d('alert', 'a', 1, .5))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == deterministic_id("alert", "a", 1, 0.5)


@given(PARTS, PARTS)
def test_things_share_an_id_only_if_they_are_the_same(one, other):
    typed = [[(type(part), repr(part)) for part in parts] for parts in (one, other)]
    assert (deterministic_id("a", *one) == deterministic_id("a", *other)) == (typed[0] == typed[1])


def test_neither_kind_nor_the_place_of_a_border_is_lost():
    ids = {
        deterministic_id("alert", "ab", "c"), deterministic_id("alert", "a", "bc"),
        deterministic_id("incident", "ab", "c"), deterministic_id("alert", "abc"),
        deterministic_id("alert", b"abc"), deterministic_id("alert", "1"),
        deterministic_id("alert", 1), deterministic_id("alert", 1.0),
    }  # fmt: skip
    assert len(ids) == 8
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)

"""Kept rows, checkpoints and heartbeats: what a restart begins with."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
from contextlib import closing

import pytest
from live_runs import batch

from oddwire.errors import ServiceError
from oddwire.live.state import Commit, Following, KeptRows, Store

pytestmark = pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")

SECOND = 1_000_000


@pytest.fixture
def store(address):
    with Store(address, source="office", patience=1.0) as store:
        yield store


def rows(number, last=None):
    """Return the rows of a commit that ends at so many seconds."""
    last = number if last is None else last
    return KeptRows(b"rows %d" % number, number + 1, (last - 1) * SECOND, last * SECOND)


def commit(store, **made):
    return store.commit(Commit(b"p", **made), after=store.following())


def numbers(store):
    return [number for number, _ in store.kept_rows()]


def test_a_restart_finds_the_checkpoint_and_every_row_since(store, address):
    commit(store, rows=rows(1), checkpoint=b"first")
    commit(store, rows=rows(2))
    commit(store)
    commit(store, rows=rows(4))
    with Store(address, source="office") as again:
        assert again.checkpoint() == (1, b"first")
        assert list(again.kept_rows())[1:] == [(2, rows(2)), (4, rows(4))]


def test_a_new_checkpoint_takes_the_place_of_the_one_before(store):
    assert store.checkpoint() is None
    commit(store, checkpoint=b"first")
    commit(store, checkpoint=b"second" * 100_000)
    assert store.checkpoint() == (2, b"second" * 100_000)


def test_rows_go_when_a_checkpoint_holds_them_and_no_window_needs_them(store):
    for number in range(1, 10):
        commit(store, rows=rows(number), window=3 * SECOND)
    assert numbers(store) == list(range(1, 10))
    commit(store, rows=rows(10), checkpoint=b"c", window=3 * SECOND)
    assert numbers(store) == [7, 8, 9, 10]
    commit(store, rows=rows(11))
    assert numbers(store) == [7, 8, 9, 10, 11]


def test_many_old_rows_go_a_few_with_each_commit(store):
    for number in range(1, 31):
        commit(store, rows=rows(number), window=3 * SECOND)
    left = []
    for number in range(31, 36):
        made = {"checkpoint": b"c"} if number == 31 else {}
        commit(store, rows=rows(number), window=3 * SECOND, **made)
        left.append(len(numbers(store)))
    # Three seconds before the checkpoint, and what came behind it.
    assert left == [23, 16, 9, 7, 8]
    assert numbers(store) == list(range(28, 36))


def test_rows_stay_by_their_clock_though_nothing_new_came(store):
    commit(store, rows=rows(1))
    commit(store, rows=rows(2, last=601))
    commit(store, checkpoint=b"c", window=600 * SECOND)
    assert numbers(store) == [1, 2]
    commit(store, checkpoint=b"c", window=599 * SECOND)
    assert numbers(store) == [2]


def test_rows_without_a_time_are_kept(store):
    untimed = -(2**63)
    commit(store, rows=KeptRows(b"", 1, untimed, untimed), checkpoint=b"c", window=600 * SECOND)
    assert numbers(store) == [1]


def test_a_commit_that_fails_keeps_neither_rows_nor_checkpoint(store):
    commit(store, rows=rows(1), checkpoint=b"first")
    stale = Following()
    made = Commit(b"p", rows=rows(2), checkpoint=b"second", window=0)
    with pytest.raises(ServiceError, match="followed by another process"):
        store.commit(made, after=stale)
    assert store.checkpoint() == (1, b"first")
    assert list(store.kept_rows()) == [(1, rows(1))]


def test_the_large_state_is_not_carried_along(store):
    made = commit(store, carried={"units": b"1"}, checkpoint=b"large", rows=rows(1))
    assert made.following == store.following() == Following(1, b"p", {"units": b"1"})


def test_sources_keep_their_own(store, address):
    commit(store, rows=rows(1), checkpoint=b"office")
    with Store(address, source="lab") as lab:
        commit(lab, rows=rows(50), checkpoint=b"lab", window=0)
        assert lab.checkpoint() == (1, b"lab")
        assert numbers(lab) == [1]
    assert store.checkpoint() == (1, b"office")
    assert numbers(store) == [1]


def test_large_checkpoints_leave_a_small_log_and_a_database_that_does_not_grow(tmp_path):
    file = tmp_path / "alerts.db"
    with Store(f"sqlite:///{file}", source="office") as store:
        sizes = []
        for number in range(4):
            made = dataclasses.replace(batch(number), checkpoint=os.urandom(40_000_000))
            following = store.commit(made, after=store.following()).following
            small = dataclasses.replace(batch(100 + number), checkpoint=None)
            store.commit(small, after=following)
            sizes.append(file.stat().st_size)
            assert file.with_name("alerts.db-wal").stat().st_size < 10_000_000
        assert sizes[-1] < sizes[1] * 1.1
        assert sizes[-1] < 90_000_000
        assert store.checkpoint()[1] == made.checkpoint
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]

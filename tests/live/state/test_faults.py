"""Faults of the machine: tried again for a while, then told in one line, with nothing half kept."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from threading import Timer

import live_runs
import pytest
from live_runs import batch, fill, open_store

from oddwire.errors import ServiceError
from oddwire.live.state import Following


@contextmanager
def locked(folder):
    with closing(sqlite3.connect(folder / "alerts.db", check_same_thread=False)) as database:
        database.isolation_level = None
        database.execute("BEGIN IMMEDIATE")
        yield database


def test_a_database_that_stays_locked_is_told_and_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("oddwire.live.state.database._BUSY_SECONDS", 0.1)
    with open_store(tmp_path, patience=0.5) as store:
        with locked(tmp_path), pytest.raises(ServiceError, match=r"alerts.db.* database is locked"):
            store.commit(batch(0), after=Following())
        assert store.following() == Following()
        assert store.commit(batch(0), after=Following()).new_alerts == 3


def test_a_database_that_is_locked_for_longer_than_sqlite_waits_is_tried_again(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("oddwire.live.state.database._BUSY_SECONDS", 0.1)
    with open_store(tmp_path, patience=60) as store, locked(tmp_path) as database:
        began = time.monotonic()
        Timer(1.0, database.execute, ["ROLLBACK"]).start()
        assert store.commit(batch(0), after=Following()).new_alerts == 3
        assert time.monotonic() - began >= 0.9


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ServiceError, match="unable to open database file"):
        open_store(tmp_path / "missing", patience=0)


def test_a_file_that_is_no_database_is_told_at_once(tmp_path):
    (tmp_path / "alerts.db").write_bytes(b"no database" * 1000)
    began = time.monotonic()
    with pytest.raises(ServiceError, match="file is not a database"):
        open_store(tmp_path, patience=60)
    assert time.monotonic() - began < 10


def commit_all(store, made):
    for number in range(1, 200):
        made.append(store.commit(batch(number), after=made[-1]).following)


def test_a_full_disk_is_told_and_when_it_has_room_nothing_is_lost_or_twice(small_disk):
    filler = small_disk / "filler"
    with open_store(small_disk, patience=0.3) as store:
        first = store.commit(batch(0), after=Following()).following
        fill(filler)
        made = [first]
        with pytest.raises(ServiceError, match="full"):
            commit_all(store, made)
        filler.unlink()
        assert store.following() == made[-1]
    kept = len(made)
    live_runs.follow(small_disk, kept + 3)
    lines, rows = live_runs.told(small_disk)
    said = [live_runs.message(number).body for number in range(3 * (kept + 3))]
    assert lines.decode().splitlines() == said
    assert rows["outbox"] == []

"""Faults of the machine: tried again for a while, then told in one line, with nothing half kept."""

from __future__ import annotations

import os
import resource
import sqlite3
import time
from contextlib import closing, contextmanager
from threading import Event, Thread, Timer

import live_runs
import pytest
from live_runs import batch, fill, open_store

from oddwire.errors import ServiceError
from oddwire.live.sinks import Deliveries
from oddwire.live.sinks.json_lines import JsonLines
from oddwire.live.state import AlertStore, Following, Policy, Store


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
        assert store.commit(batch(0), after=Following()).following == store.following()


def test_a_database_that_is_locked_for_longer_than_sqlite_waits_is_tried_again(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("oddwire.live.state.database._BUSY_SECONDS", 0.1)
    with open_store(tmp_path, patience=60) as store, locked(tmp_path) as database:
        began = time.monotonic()
        Timer(1.0, database.execute, ["ROLLBACK"]).start()
        assert store.commit(batch(0), after=Following()).following == store.following()
        assert time.monotonic() - began >= 0.9


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ServiceError, match=r"alerts.db.* failed: .*file/folder: Not a directory"):
        open_store(tmp_path / "file" / "folder", patience=0)


def test_a_folder_that_is_missing_is_made(tmp_path):
    with open_store(tmp_path / "data" / "live") as store:
        assert store.following() == Following()


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


def commits_that_a_limit_ends(folder, limit, batches):
    """Commit until no file may grow any more, then with that limit taken away; return how far."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_store(folder, patience=0.3) as store:
        made = [store.commit(batch(0), after=Following()).following]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        with pytest.raises(ServiceError, match=r"alerts\.db.* failed: "):
            commit_all(store, made)
        reached = len(made)
        assert store.following() == made[-1]  # what is there can still be read
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        while len(made) < batches:
            made.append(store.commit(batch(len(made)), after=made[-1]).following)
    return reached


def test_a_file_that_may_not_grow_is_told_and_afterwards_nothing_is_lost_or_twice(tmp_path):
    """As a quota does; in a process of its own, whose limit is nobody else's."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            reached = commits_that_a_limit_ends(tmp_path, 600_000, 60)
            os.write(tell, str(reached).encode())
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - no traceback of a copy of pytest
            os.write(2, repr(error).encode())
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WEXITSTATUS(status) == 0
    assert 2 < int(os.read(told, 9)) < 60
    live_runs.follow(tmp_path, 60)
    lines, rows = live_runs.told(tmp_path)
    said = [live_runs.message(number).body for number in range(180)]
    assert lines.decode().splitlines() == said
    assert [len(rows[table]) for table in ("alerts", "messages", "outbox")] == [180, 180, 0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")
def test_a_server_that_is_lost_in_mid_run_is_gone_on_with_and_nothing_is_said_twice(
    own_postgresql, tmp_path
):
    server, address = own_postgresql
    ended = Event()

    def stop_and_start():
        for _ in range(4):
            ended.wait(0.7)
            server.stop()
            ended.wait(0.7)
            server.ensure_postgres_running()
        ended.set()

    chaos = Thread(target=stop_and_start)
    sinks = {"file": JsonLines(tmp_path / "alerts.jsonl")}
    store = Store(address, source="office", sinks={"file": Policy()}, patience=60.0)
    with store, Deliveries(store, sinks, longest_pause=0.2) as deliveries:
        chaos.start()
        following = Following()
        while not ended.is_set() or following.number < 50:
            given_up = deliveries.wait_for_room()
            made = store.commit(batch(following.number), after=following, given_up=given_up)
            following = made.following
            deliveries.wake()
        chaos.join()
        assert deliveries.drain(60)
        state = store.states()[0]
    said = [live_runs.message(number).body for number in range(3 * following.number)]
    assert (tmp_path / "alerts.jsonl").read_text().splitlines() == said
    assert (state.delivered, state.dropped, state.dead) == (len(said), 0, 0)
    with AlertStore(address) as reader:
        assert len(reader.alerts(limit=100_000)) == len(said)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")
def test_a_server_that_stays_away_is_told(own_postgresql):
    server, address = own_postgresql
    with Store(address, source="office", patience=0.5) as store:
        made = store.commit(batch(0), after=Following())
        server.stop()
        with pytest.raises(ServiceError, match=r"the store of alerts .* failed"):
            store.commit(batch(1), after=made.following)
        with pytest.raises(ServiceError, match=r"the store of alerts .* failed"):
            AlertStore(address, patience=0)
        server.ensure_postgres_running()
        assert store.commit(batch(1), after=made.following).following == store.following()

"""Faults of the machine and of people while a source is watched: nothing is lost, or told twice."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from oddwire.errors import ServiceError, WatchedError
from oddwire.live.scoring.champion import NextChampion
from oddwire.live.state import STORE_VARIABLE, Store
from oddwire.live.vitals.vitals import Vitals
from oddwire.live.watching import loop
from oddwire.project import Project
from tests.live_runs import fill
from tests.live_traffic import traffic
from tests.sink_servers import Hook, free_port, webhook
from tests.watched import HEADER, Watching, crown, make_watched, watch_all, zeek_lines

ROWS = 1500
SINK = "told.jsonl"


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return zeek_lines(traffic().rows.iloc[:ROWS])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(loop, "_BEAT_SECONDS", 0.1)
    return make_watched(tmp_path)


def write(project: Project, lines: list[str]) -> None:
    log = project.root / "logs" / "conn.log"
    with log.open("a") as opened:
        opened.write(("" if log.exists() and opened.tell() else HEADER) + "".join(lines))


def check_all(project: Project, told: list[str] | None = None, store: Path | None = None) -> None:
    """Assert that alerts are those of the batch, and each incident's messages were sent once."""
    with closing(sqlite3.connect(store or project.live / "alerts.db")) as opened:
        contents = [
            json.loads(zlib.decompress(one))
            for (one,) in opened.execute("SELECT content FROM alerts")
        ]
        messages = [
            zlib.decompress(body).decode()
            for (body,) in opened.execute("SELECT body FROM messages ORDER BY at")
        ]
    batch = traffic().scores.iloc[:ROWS]
    wanted = sorted(batch.loc[batch["alert"], "anomaly_score"])
    assert len(wanted) > 20
    assert sorted(one["alert"]["score"] for one in contents) == wanted
    told = (project.root / SINK).read_text().splitlines() if told is None else told
    assert len(told) > 20
    assert sorted(told) == sorted(messages)


@contextmanager
def locked(store: Path) -> Iterator[None]:
    with closing(sqlite3.connect(store, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oddwire.live.state.database._BUSY_SECONDS", 0.1)
    monkeypatch.setattr("oddwire.live.watching.watch.Store", partial(Store, patience=1.0))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("small_disk", ["16m"], indirect=True)
def test_a_disk_that_is_full_ends_it_and_with_room_it_goes_on(
    small_disk: Path, project: Project, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORE_VARIABLE, f"sqlite:///{small_disk / 'alerts.db'}")
    write(project, lines[:1000])
    watch_all(project, sinks=(SINK,))
    fill(small_disk / "filler")
    write(project, lines[1000:])
    with pytest.raises(ServiceError, match="full") as told:
        watch_all(project, sinks=(SINK,))
    assert "\n" not in str(told.value)
    (small_disk / "filler").unlink()
    assert watch_all(project, sinks=(SINK,)).beats[-1].rows == ROWS
    check_all(project, store=small_disk / "alerts.db")


def test_a_sink_whose_disk_is_full_holds_up_its_own_messages_alone(
    small_disk: Path, project: Project, lines: list[str]
) -> None:
    fill(small_disk / "filler")
    write(project, lines)
    with Watching(project, sinks=(str(small_disk / SINK),)) as watching:
        watching.wait_for_rows(ROWS)
        watching.wait(lambda: "No space left" in watching.last.sinks[0].trouble, "is told")
        assert watching.last.sinks[0].delivered == 0
        (small_disk / "filler").unlink()
        watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
        assert watching.last.sinks[0].trouble == ""
    check_all(project, (small_disk / SINK).read_text().splitlines())


@pytest.mark.usefixtures("impatient")
def test_a_store_that_is_locked_for_long_ends_it_and_it_goes_on(
    project: Project, lines: list[str]
) -> None:
    write(project, lines[:1000])
    with Watching(project, sinks=(SINK,)) as watching:
        watching.wait_for_rows(1000)
        with locked(project.live / "alerts.db"):
            write(project, lines[1000:])
            with pytest.raises(AssertionError, match="database is locked"):
                watching.wait(lambda: False, "it ends")
    assert isinstance(watching.error, ServiceError)
    watch_all(project, sinks=(SINK,))
    check_all(project)


def test_a_store_that_is_locked_for_a_moment_is_waited_for(
    project: Project, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oddwire.live.state.database._BUSY_SECONDS", 0.1)
    write(project, lines[:1000])
    with Watching(project, sinks=(SINK,)) as watching:
        watching.wait_for_rows(1000)
        with locked(project.live / "alerts.db"):
            write(project, lines[1000:])
            time.sleep(2)
        watching.wait_for_rows(ROWS)
        watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
    check_all(project)


def test_a_sink_that_is_down_gets_everything_once_when_it_is_back(
    project: Project, lines: list[str]
) -> None:
    hook = Hook(free_port())
    write(project, lines)
    with Watching(project, sinks=(hook.address,)) as watching:
        watching.wait_for_rows(ROWS)
        watching.wait(lambda: watching.last.sinks[0].trouble, "is told")
        with webhook(hook):
            watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
    check_all(project, [body.decode() for _, body in hook.got])


def test_a_sink_that_is_full_is_waited_for_while_the_heart_beats_on(
    project: Project, lines: list[str]
) -> None:
    with project.params_file.open("a") as opened:
        opened.write("watch:\n  most_waiting: 5\n")
    hook = Hook(free_port())
    write(project, lines[:500])
    with Watching(project, sinks=(hook.address,)) as watching:
        watching.wait_for_rows(500)
        write(project, lines[500:1000])
        watching.wait_for_rows(1000)
        write(project, lines[1000:])
        beats = len(watching.heard.beats)
        watching.wait(lambda: len(watching.heard.beats) > beats + 5, "the heart beats on")
        assert watching.last.rows == 1000
        with webhook(hook):
            watching.wait_for_rows(ROWS)
            watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
        assert watching.last.sinks[0].dropped == 0
    check_all(project, [body.decode() for _, body in hook.got])


def test_told_to_stop_while_sinks_are_drained(project: Project, lines: list[str]) -> None:
    write(project, lines)
    hook = Hook(free_port())
    with Watching(project, sinks=(hook.address,), until_end=True) as watching:
        watching.wait_for_rows(ROWS)
        time.sleep(0.5)
        began = time.monotonic()
    assert time.monotonic() - began < 20
    assert watching.last.state == "stopped"
    assert watching.last.sinks[0].waiting > 10


def test_a_clock_that_is_set_back(
    project: Project, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    back = 0.0
    clock = time.time

    def set_back() -> float:
        return clock() - back

    monkeypatch.setattr(time, "time", set_back)
    monkeypatch.setitem(Vitals.__init__.__kwdefaults__, "clock", set_back)
    write(project, lines[:500])
    with Watching(project, sinks=(SINK,)) as watching:
        watching.wait_for_rows(500)
        for day in (1, 2):
            back = day * 86_400.0
            beats = len(watching.heard.beats)
            write(project, lines[500 * day : 500 * (day + 1)])
            watching.wait_for_rows(500 * (day + 1))
            watching.wait(lambda beats=beats: len(watching.heard.beats) > beats + 3, "beats on")
        watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
        assert watching.last.at < watching.heard.beats[0].at
        assert watching.last.state == "running"
        assert watching.last.rows_per_second >= 0
    assert watching.heard.notices == []
    check_all(project)


def test_a_log_that_is_truncated(project: Project, lines: list[str]) -> None:
    log = project.root / "logs" / "conn.log"
    write(project, lines[:500])
    with Watching(project, sinks=(SINK,)) as watching:
        for begin in (500, 1000):
            watching.wait_for_rows(begin)
            with log.open("r+") as opened:
                opened.truncate(0)
            write(project, lines[begin : begin + 500])
        watching.wait_for_rows(ROWS)
        watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
    assert any("was truncated" in one for one in watching.heard.notices)
    check_all(project)


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NextChampion.__init__.__kwdefaults__, "seconds", 0.2)


@pytest.mark.usefixtures("looks_often")
def test_champions_that_come_and_cannot_be_loaded(project: Project, lines: list[str]) -> None:
    write(project, lines[:500])
    with Watching(project, sinks=(SINK,)) as watching:
        watching.wait_for_rows(500)
        version = crown(project, traffic().model)
        watching.wait(lambda: watching.heard.notices, "another champion is said")
        crown(project, traffic().model, damaged=True)
        watching.wait(lambda: len(watching.heard.notices) > 1, "a damaged champion is said")
        write(project, lines[500:1000])
        watching.wait_for_rows(1000)
        time.sleep(1)
        assert len(watching.heard.notices) == 2
        assert watching.last.model["version"] == version.number == "2"
        crown(project, traffic().model)
        write(project, lines[1000:])
        watching.wait_for_rows(ROWS)
        watching.wait(lambda: watching.last.model["version"] == "4", "the next is taken up")
        watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
    assert "version 2 goes on scoring" in watching.heard.notices[1]
    check_all(project)


@pytest.mark.usefixtures("looks_often")
def test_a_registry_that_is_gone_for_a_while(project: Project, lines: list[str]) -> None:
    database = project.mlruns / "mlflow.db"
    write(project, lines[:1000])
    with Watching(project, sinks=(SINK,)) as watching:
        watching.wait_for_rows(1000)
        sound = database.read_bytes()
        database.write_bytes(b"\0" * len(sound))
        watching.wait(lambda: watching.heard.notices, "it is said")
        database.write_bytes(sound)
        crown(project, traffic().model)
        found = "version 2 is the champion now"
        watching.wait(lambda: found in str(watching.heard.notices), "the next champion is found")
        write(project, lines[1000:])
        watching.wait_for_rows(ROWS)
        assert watching.last.model["version"] == "2"
        watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
    assert "version 1 goes on scoring" in watching.heard.notices[0]
    check_all(project)


def test_settings_that_are_broken_meanwhile(project: Project, lines: list[str]) -> None:
    write(project, lines[:1000])
    with Watching(project, sinks=(SINK,)) as watching:
        watching.wait_for_rows(1000)
        for file in (project.params_file, project.allow_list):
            file.write_text("a: [broken")
        write(project, lines[1000:])
        watching.wait_for_rows(ROWS)
        watching.wait(lambda: watching.heard.notices, "it is said")
        time.sleep(0.5)
        watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
    assert len(watching.heard.notices) == 1
    assert "allow_list.yaml" in watching.heard.notices[0]
    check_all(project)


def test_a_second_watch_of_the_source_ends_with_a_sentence(
    project: Project, lines: list[str]
) -> None:
    write(project, lines[:1000])
    with Watching(project, sinks=(SINK,)) as watching:
        watching.wait_for_rows(1000)
        with pytest.raises(WatchedError, match="office is watched already"):
            watch_all(project, sinks=(SINK,))
        write(project, lines[1000:])
        watching.wait_for_rows(ROWS)
        watching.wait(lambda: watching.last.sinks[0].waiting == 0, "delivered")
    check_all(project)
    assert watch_all(project, sinks=(SINK,)).beats[-1].rows == ROWS

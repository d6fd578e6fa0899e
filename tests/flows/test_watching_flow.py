"""The flow that watches: what its run shows while the loop runs, and how it ends."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time

import pytest
from command_line import wait_until
from prefect_client import prefect_client
from sink_servers import Hook, free_port, webhook

from oddwire.cli.servers.processes import drain_prefect
from oddwire.errors import OddwireError
from oddwire.operations.locks import watch_lock
from tests.live_traffic import traffic
from tests.watched import HEADER, SOURCE, make_watched, zeek_lines

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def watched(tmp_path_factory, prefect_server):
    """A project with a champion, and some rows in the log of its sensor."""
    made = make_watched(tmp_path_factory.mktemp("watched") / "project")
    write(made, 0, 2500)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ODDWIRE_PROJECT", str(made.root))
        yield made


def write(project, begin, end):
    """Let the sensor write some of its lines."""
    log = project.root / "logs" / "conn.log"
    with log.open("a", encoding="utf-8") as written:
        written.write("" if log.stat().st_size else HEADER)
        written.writelines(zeek_lines(traffic().rows)[begin:end])


def newest_run(api):
    with prefect_client(api) as client:
        body = {"flows": {"name": {"any_": ["watch"]}}, "sort": "START_TIME_DESC", "limit": 1}
        (run,) = client.post("/flow_runs/filter", json=body).json()
        drain_prefect()
        logs = client.post(
            "/logs/filter",
            json={"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"},
        ).json()
    return run["state"], [line["message"] for line in logs]


def artifact(api):
    body = {"artifacts": {"key": {"any_": [f"watch-{SOURCE}"]}}}
    with prefect_client(api) as client:
        (found,) = client.post("/artifacts/latest/filter", json=body).json()
    return found["data"]


def test_a_run_to_the_end_of_what_there_is(watched, prefect_server):
    from flows.watching import watch

    last = watch(source=SOURCE, from_start=True, until_end=True)
    assert last.state == "stopped"
    assert last.rows == 2500
    state, log = newest_run(prefect_server)
    assert (state["type"], state["name"]) == ("COMPLETED", "Watched")
    assert "2,500 connections" in state["message"]
    assert any(line.startswith("stopped: 2,500 connections") for line in log)
    assert f"# {SOURCE} is stopped" in artifact(prefect_server)
    write(watched, 2500, 5000)
    after = watch(source=SOURCE, until_end=True)
    assert after.rows == 5000, "it goes on where it was"
    assert after.incidents["opened"] > last.incidents["opened"]
    _, log = newest_run(prefect_server)
    told = [line for line in log if line.startswith("incident ")]
    assert len(told) == min(after.incidents["opened"] - last.incidents["opened"], 20)


def test_a_source_that_another_run_watches_is_left_to_it(watched, prefect_server):
    from flows.watching import watch

    with (
        watch_lock(watched, SOURCE, supervising=True),
        pytest.raises(OddwireError, match="office is watched already"),
    ):
        watch(source=SOURCE)
    state, _ = newest_run(prefect_server)
    assert state["type"] == "FAILED"
    assert "office is watched already" in state["message"]


def test_a_source_that_a_terminal_watches_is_left_to_it(watched, prefect_server):
    from flows.watching import watch

    with (
        watch_lock(watched, SOURCE),
        pytest.raises(OddwireError, match="office is watched already"),
    ):
        watch(source=SOURCE, until_end=True)
    _, log = newest_run(prefect_server)
    assert not any("starts again" in line for line in log)


WATCHES = """
from flows import dead_man, watch_page
from flows.watching import watch
watch_page.WatchPage.__init__.__defaults__ = (1.0,)  # seconds between events
dead_man.DeadMan.__init__.__defaults__ = (dead_man.dt.timedelta(seconds=10),)
watch(source="office")
"""


def test_a_watcher_that_is_killed_is_missed(watched, prefect_server):
    from flows.dead_man import return_notice, silence_notice
    from flows.notifications import tell

    def start():
        return subprocess.Popen(
            [sys.executable, "-c", WATCHES], cwd=watched.root, start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip

    def told():
        return [json.loads(body)["told"] for _, body in hook.got]

    with webhook(Hook(free_port())) as hook:
        tell(hook.address, silence_notice(dt.timedelta(seconds=10)), return_notice())
        watching = start()
        try:
            wait_until(lambda: newest_run(prefect_server)[0]["name"] == "Watching", 120, "a beat")
            time.sleep(20)
            assert told() == []
            watching.kill()
            watching.wait()
            wait_until(told, 60, "word of the silence")
            watching = start()
            wait_until(lambda: told()[1:], 120, "word of its end")
            assert told() == ["oddwire.watch.silent", "oddwire.watch.back"]
            watching.terminate()
            watching.wait(60)
            time.sleep(20)
            assert len(told()) == 2, "who is ended in order is not missed"
        finally:
            watching.kill()
            watching.wait()
            tell(None, return_notice())

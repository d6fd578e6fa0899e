"""``oddwire up`` watches the sources that say so, whatever is killed, and ends with all of it."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from command_line import wait_until
from prefect_client import prefect_client
from served import free_ports, serving

from oddwire.cli.servers import processes
from oddwire.live.supervising.loop_process import SECONDS_TO_STOP
from tests.live_traffic import traffic
from tests.watched import HEADER, SOURCE, make_watched, zeek_lines

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
_LOOP = "oddwire.cli.servers.watched"


@dataclass
class Sensor:
    """A sensor that writes a log, a few lines at a time."""

    log: Path
    written: int = 0

    def write(self, lines: int) -> None:
        some = zeek_lines(traffic().rows)[self.written : self.written + lines]
        with self.log.open("a", encoding="utf-8") as log:
            log.writelines(some)
        self.written += len(some)


@pytest.fixture
def watched(tmp_path):
    """A project with a champion, whose source is to be watched, and the sensor of the source."""
    made = make_watched(tmp_path / "project", watch=True)
    log = made.root / "logs" / "conn.log"
    log.write_text(HEADER, encoding="utf-8")
    return made, Sensor(log)


class Up:
    """A project that is up, and what its Prefect server and its store say of the watcher."""

    def __init__(self, served) -> None:
        self.served = served

    def runs(self):
        """The runs of the watcher, the newest first."""
        body = {
            "deployments": {"name": {"any_": ["watch"]}}, "sort": "EXPECTED_START_TIME_DESC",
        }  # fmt: skip
        with prefect_client(f"{self.served.page('prefect')}/api") as api:
            return api.post("/flow_runs/filter", json=body).json()

    def state(self, run):
        return next(one["state"] for one in self.runs() if one["id"] == run)

    def watching(self, *, but=()):
        """The id of a run whose loop beats, and which is not one of those."""

        def found():
            return [
                run["id"] for run in self.runs()
                if run["state"]["name"] == "Watching" and run["id"] not in but
            ]  # fmt: skip

        (run,) = wait_until(found, 240, "a heartbeat")
        return run

    def log(self, run):
        body = {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200}
        with prefect_client(f"{self.served.page('prefect')}/api") as api:
            return [line["message"] for line in api.post("/logs/filter", json=body).json()]

    def ask(self, **parameters):
        with prefect_client(f"{self.served.page('prefect')}/api") as api:
            (deployment,) = api.post(
                "/deployments/filter", json={"deployments": {"name": {"any_": ["watch"]}}}
            ).json()
            run = api.post(
                f"/deployments/{deployment['id']}/create_flow_run", json={"parameters": parameters}
            )
        return run.json()["id"]

    def cancel(self, run):
        with prefect_client(f"{self.served.page('prefect')}/api") as api:
            api.post(f"/flow_runs/{run}/set_state", json={"state": {"type": "CANCELLING"}})

    def loops(self):
        """The processes of the loop."""
        return [
            one for one in psutil.Process(self.served.process.pid).children(recursive=True)
            if _LOOP in one.cmdline()
        ]  # fmt: skip


def heartbeat(project):
    """What the loop last said of itself, as the store has it."""
    with sqlite3.connect(project.live / "alerts.db") as store:
        (content,) = store.execute("SELECT content FROM heartbeats").fetchone()
    return json.loads(content)


def test_it_is_watched_for_as_long_as_it_is_up(watched, tmp_path):
    project, sensor = watched
    home, ports = tmp_path / "prefect", free_ports()

    def all_scored():
        wait_until(lambda: heartbeat(project)["rows"] == sensor.written, 120, "the rows")

    with serving(project, home, ports) as served:
        up = Up(served)
        first = up.watching()
        # A second run of the same source ends at once.
        second = up.ask(source=SOURCE)
        wait_until(lambda: up.state(second)["type"] == "FAILED", 60, "the end of the second run")
        assert f"{SOURCE} is watched already" in up.state(second)["message"]
        assert up.state(first)["name"] == "Watching"
        # What the sensor writes is scored.
        sensor.write(300)
        all_scored()
        # A loop that is killed starts again, and loses nothing.
        (loop,) = up.loops()
        loop.kill()
        sensor.write(300)
        all_scored()
        assert any("killed by SIGKILL; it starts again in 1 s" in line for line in up.log(first))
        # Cancelled from the page, it ends in order.
        (loop,) = up.loops()
        up.cancel(first)
        wait_until(lambda: up.state(first)["type"] == "CANCELLED", 60, "the cancellation")
        assert not loop.is_running()
        assert heartbeat(project)["state"] == "stopped"
        # Asked for again on the page, it goes on where it was.
        third = up.ask(source=SOURCE)
        assert up.watching() == third
        (loop,) = up.loops()
        # A run whose process is killed has a successor.
        loop.parent().kill()
        third = up.watching(but=[third])
        wait_until(lambda: not loop.is_running(), 20, "the end of the loop of before")
        # Whoever kills everything finds it going again with the next `up`.
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()
        wait_until(
            lambda: all(processes.is_free(port) for port in ports.values()), 60, "free ports"
        )
    with serving(project, home, ports) as served:
        up = Up(served)
        up.watching(but=[third])
        assert up.state(third)["type"] in {"CRASHED", "CANCELLED"}, "it may have said so itself"
        sensor.write(300)
        all_scored()
        wait_until(lambda: f"{SOURCE} watching" in served.log.read_text(), 60, "a line of it")
        started = psutil.Process(served.process.pid).children(recursive=True)
        began = time.monotonic()
        served.end()
        was_quick = time.monotonic() - began < SECONDS_TO_STOP
        assert served.process.returncode == 0, served.log.read_text()
        _, alive = psutil.wait_procs(started, timeout=10)
        assert not alive
    # On a busy machine it may have been killed, as what does not end in time is.
    assert heartbeat(project)["state"] == "stopped" or not was_quick

"""Flow runs of killed processes end as crashed; what somebody executes is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid

import pytest
from command_line import wait_until
from prefect.client.orchestration import get_client
from prefect.states import Completed, Pending
from prefect_client import prefect_client

from flows import orphans

pytestmark = pytest.mark.slow

# A process that executes a flow run until it is told to end.
EXECUTES = """
import sys
from prefect import flow
from prefect.runtime import flow_run
from flows.outcomes import Outcome, ended

def wait():
    print(flow_run.get_id(), flush=True)
    sys.stdin.readline()

@flow(name="waits")
def waits():
    return ended(wait, lambda _: Outcome(name="Waited", sentence="told to end", links={}))

waits()
"""


class Executing:
    """A process that executes a flow run."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", EXECUTES], env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self) -> str:
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def tell(self) -> None:
        self.process.communicate("\n", timeout=60)


@pytest.fixture
def executing(prefect_server):
    """Two processes, and the flow run of each."""
    both = [Executing(), Executing()]
    yield [(each, each.run()) for each in both]
    for each in both:
        each.kill()
    orphans.end_orphans(prefect_server)


def state(server, run):
    return prefect_client(server).get(f"/flow_runs/{run}").json()["state"]


def test_the_run_of_a_killed_process_ends_as_crashed_and_no_other(prefect_server, executing):
    (killed, orphan), (alive, kept) = executing
    assert not {orphan, kept} & {run.id for run in orphans.orphaned_runs(prefect_server)}
    killed.kill()
    (found,) = orphans.orphaned_runs(prefect_server)
    assert (found.id, found.state) == (orphan, "RUNNING")
    assert state(prefect_server, orphan)["type"] == "RUNNING"  # to look changes nothing
    assert [run.id for run in orphans.end_orphans(prefect_server)] == [orphan]
    assert state(prefect_server, orphan)["type"] == "CRASHED"
    assert "its process is gone" in state(prefect_server, orphan)["message"]
    assert state(prefect_server, kept)["type"] == "RUNNING"
    alive.tell()
    assert state(prefect_server, kept)["type"] == "COMPLETED"
    assert orphans.end_orphans(prefect_server) == []


def test_a_process_that_ends_leaves_nothing_behind(prefect_server, executing):
    for process, run in executing:
        process.tell()
        assert not (orphans._folder() / f"{run}.lock").exists()


def test_a_run_that_ended_before_the_kill_keeps_its_state(prefect_server, executing):
    (killed, run), _ = executing
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(uuid.UUID(run), Completed(), force=True)
    killed.kill()
    assert orphans.end_orphans(prefect_server) == []
    assert state(prefect_server, run)["type"] == "COMPLETED"
    assert not (orphans._folder() / f"{run}.lock").exists()


def test_another_server_s_runs_are_nobody_s_orphans(prefect_server):
    """As when PREFECT_API_URL named another server a moment ago."""
    orphans._folder().mkdir(exist_ok=True)
    elsewhere = orphans._folder() / f"{uuid.uuid4()}.lock"
    elsewhere.touch()
    assert orphans.end_orphans(prefect_server) == []
    assert elsewhere.exists()
    elsewhere.unlink()


@pytest.fixture
def claimed(prefect_server):
    """A flow run of a deployment that was about to begin when its server of flows was killed."""
    client = prefect_client(prefect_server)
    flow = client.post("/flows/", json={"name": "claimed"}).json()["id"]
    body = {"name": "claimed", "flow_id": flow, "tags": [orphans.TAG]}
    deployment = client.post("/deployments/", json=body).json()["id"]
    run = client.post(f"/deployments/{deployment}/create_flow_run", json={}).json()["id"]
    with get_client(sync_client=True) as orchestration:
        orchestration.set_flow_run_state(uuid.UUID(run), Pending(), force=True)
    return run


def test_a_claimed_run_is_an_orphan_once_nobody_serves(prefect_server, claimed):
    assert orphans.end_orphans(prefect_server) == []  # somebody else's server, perhaps
    serves = "from flows.orphans import hold_while_serving; hold_while_serving(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", serves], env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        stdin=subprocess.PIPE,
    ) as serving:  # fmt: skip
        try:
            wait_until(lambda: orphans._serving().exists() and not orphans._alone(), 60, "it")
            assert orphans.end_orphans(prefect_server, own_server=True) == []
        finally:
            serving.kill()
    assert [run.id for run in orphans.end_orphans(prefect_server, own_server=True)] == [claimed]
    assert state(prefect_server, claimed)["type"] == "CRASHED"

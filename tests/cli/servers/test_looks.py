"""Faults of servers and of what Prefect keeps are found, and gone by their remedies."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import wait_until

from oddwire.cli.servers import processes
from oddwire.cli.servers.looks import PORTS, looks
from oddwire.operations.doctor.examining import by_weight, examine
from oddwire.operations.doctor.ground import Ground

# Answers as a server of MLflow's does, of the version that it is told.
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path in {"/health", "/version"} and sys.argv[2] != "none"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(sys.argv[2].encode())
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def ports():
    return {name: processes.free_port() for name in PORTS}


@pytest.fixture
def look(project, ports, monkeypatch):
    """A function that looks at the servers of a project's ports, and at Prefect's runs."""
    monkeypatch.setenv("ODDWIRE_PROJECT", str(project.root))

    def at(name):
        (chosen,) = [look for look in looks(ports) if look.name == name]
        return by_weight(examine([chosen], Ground.find()))

    return at


@contextmanager
def served(root, port, version, *words):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port), version, *words], cwd=root
    )  # fmt: skip
    try:
        wait_until(lambda: not processes.is_free(port), 30, "the server")
        yield process
    finally:
        process.kill()
        process.wait()


def follow(finding, root):
    bin_ = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["bash", "-euc", finding.remedy], cwd=root, env=env, check=True)


@pytest.fixture
def alone(monkeypatch):
    """No server that a variable names."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def test_without_servers_nothing_is_wrong(look, alone):
    assert look("servers") == []
    assert look("Prefect's runs") == []


def test_a_port_that_another_program_holds(look, ports, project, alone):
    with served(project.root, ports["MLflow"], "none") as process:
        (found,) = look("servers")
        assert found.subject == f"port {ports['MLflow']}"
        assert f"held by process {process.pid} (" in found.problem
        assert found.remedy.startswith("oddwire up --mlflow-port ")


def test_a_server_of_another_version(look, ports, project, alone):
    with served(project.root, ports["MLflow"], "2.9.2"):
        (found,) = look("servers")
        assert "the server is MLflow 2.9.2, oddwire's client is 3." in found.problem
        follow(found, project.root)
        wait_until(lambda: processes.is_free(ports["MLflow"]), 30, "its end")
        assert look("servers") == []


def test_a_server_on_another_port_than_usual_is_found_by_its_command_line(
    look, ports, project, alone
):
    other = processes.free_port()
    words = ("oddwire.cli.servers.serve", "mlflow", str(other))
    with served(project.root, other, "2.9.2", *words) as process:
        found = look("servers")
        assert [each.problem for each in found if each.subject == "MLflow"] == [
            "the server is MLflow 2.9.2, oddwire's client is " + found[0].problem.split()[-1]
        ]
        assert [each.remedy for each in found if each.subject == f"port {other}"] == [
            f"kill {process.pid}"
        ]
    with served(project.root.parent, other, "2.9.2", *words):  # of another project
        assert look("servers") == []


def test_a_server_that_lost_who_started_it(look, ports, project, alone):
    from importlib.metadata import version

    words = ("oddwire.cli.servers.serve",)
    with served(project.root, ports["MLflow"], version("mlflow"), *words):
        (found,) = look("servers")
        assert "was left running" in found.problem
        follow(found, project.root)
        wait_until(lambda: processes.is_free(ports["MLflow"]), 30, "its end")
    assert look("servers") == []


def test_a_prefect_server_that_is_named_and_does_not_answer(look, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://me:SECRET@127.0.0.1:9/api")
    (found,) = look("servers")
    assert found.subject == "PREFECT_API_URL"
    assert found.remedy.startswith("unset PREFECT_API_URL")
    assert "SECRET" not in str(found)


@pytest.fixture
def deployed(prefect_server, monkeypatch):
    """A deployment of a drift check with a schedule that is paused."""
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.schedules import Cron

    @flow(name="drift-check")
    def check(source: str = "simulated"):
        pass

    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    schedule = Cron(
        "0 6 * * *", timezone="UTC", slug="simulated", active=False,
        parameters={"source": "simulated"},
    )  # fmt: skip
    made = check.to_deployment("drift-check", schedules=[schedule], tags=["oddwire"]).apply()
    with get_client(sync_client=True) as client:
        yield made, client
        client.delete_deployment(made)


@pytest.mark.slow
def test_a_schedule_that_is_paused_goes_on(look, deployed, project):
    (found,) = look("Prefect's runs")
    assert (found.subject, found.problem) == (
        "simulated", "the schedule of drift-check/drift-check is paused"
    )  # fmt: skip
    follow(found, project.root)
    assert look("Prefect's runs") == []


@pytest.mark.slow
def test_late_runs_and_runs_of_killed_processes(look, deployed, project):
    from prefect.settings import PREFECT_HOME
    from prefect.states import Running, Scheduled

    made, client = deployed
    past = dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)
    late = client.create_flow_run_from_deployment(
        made, state=Scheduled(scheduled_time=past), name="late \x1b[31m"
    )
    client.set_flow_run_state(late.id, Scheduled(name="Late", scheduled_time=past), force=True)
    orphan = client.create_flow_run_from_deployment(made, name="killed")
    client.set_flow_run_state(orphan.id, Running(), force=True)
    lock = PREFECT_HOME.value() / "oddwire-runs" / f"{orphan.id}.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    killed, tardy, paused = look("Prefect's runs")
    assert "1 flow runs are RUNNING though their process is gone: killed" in killed.problem
    assert "1 scheduled runs are late" in tardy.problem
    assert "is paused" in paused.problem
    assert "\x1b" not in tardy.problem
    killed.mend()
    client.delete_flow_run(late.id)
    assert look("Prefect's runs") == [paused]
    assert client.read_flow_run(orphan.id).state_name == "Crashed"


@pytest.mark.slow
def test_a_drift_check_that_nobody_schedules(look, prefect_server, project, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with project.params_file.open("a") as params:
        params.write("\n")
    text = project.params_file.read_text().replace("drift:", "drift:\n  sources: [simulated]")
    project.params_file.write_text(text)
    (found,) = look("Prefect's runs")
    assert (found.subject, found.remedy) == ("simulated", "oddwire up")

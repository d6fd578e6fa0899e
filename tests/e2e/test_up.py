"""``oddwire up``: both pages and the served deployments begin together and end together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

import httpx
import pandas as pd
import psutil
import pytest
from command_line import ODDWIRE, environment, wait_until
from small_projects import SMALL_PARAMS

from oddwire.cli.servers import processes
from oddwire.detection.detectors import DETECTORS
from oddwire.params import load_params
from oddwire.traffic.sources.simulated import simulate

pytestmark = pytest.mark.slow
DEPLOYMENTS = {"training/training", "drift-check/drift-check", "scoring/scoring"}
SCALARS = {"string", "integer", "number", "boolean"}


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory):
    """A trained project that is up, and what ran when Ctrl-C came."""
    project, _ = trained
    folder = tmp_path_factory.mktemp("up")
    ports = {"prefect": processes.free_port(), "mlflow": processes.free_port()}
    env = environment(folder / "prefect")
    env.pop("PREFECT_API_URL", None)
    command = [ODDWIRE, "up"]
    for name, port in ports.items():
        command += [f"--{name}-port", str(port)]
    log = folder / "up.log"
    with log.open("wb") as output:
        up = subprocess.Popen(
            command, cwd=project.root, env=env, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        wait_until(
            lambda: up.poll() is not None or b"Ctrl-C" in log.read_bytes(), 200, "all servers"
        )
        assert up.poll() is None, log.read_text()
        yield project, ports, up, log
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(up.pid, signal.SIGTERM)
        up.wait(60)


@pytest.fixture(scope="module")
def api(served):
    _, ports, _, _ = served
    address = f"http://{processes.HOST}:{ports['prefect']}/api"
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def deployments(api):
    """Every deployment by its full name, once all are registered."""

    def read():
        flows = {one["id"]: one["name"] for one in api.post("/flows/filter", json={}).json()}
        found = {
            f"{flows[one['flow_id']]}/{one['name']}": one
            for one in api.post("/deployments/filter", json={}).json()
        }
        return found if set(found) >= DEPLOYMENTS else None

    return wait_until(read, 90, "three deployments")


def run_to_its_end(api, deployment, parameters):
    body = {"parameters": parameters}
    run = api.post(f"/deployments/{deployment['id']}/create_flow_run", json=body).json()

    def state():
        now = api.get(f"/flow_runs/{run['id']}").json()["state"]
        return now if now["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

    return wait_until(state, 200, "the end of the flow run")


def test_both_pages_answer(served):
    _, ports, _, log = served
    for name, title in (("prefect", "Prefect"), ("mlflow", "MLflow")):
        address = f"http://{processes.HOST}:{ports[name]}"
        page = httpx.get(address, follow_redirects=True, timeout=30)
        assert page.status_code == 200
        assert title in page.text
        assert address in log.read_text()


def test_three_deployments_are_served(deployments):
    assert set(deployments) == DEPLOYMENTS


def test_the_drift_check_alone_has_a_schedule(deployments):
    (schedule,) = deployments["drift-check/drift-check"]["schedules"]
    expected = SMALL_PARAMS["drift"].get("schedule", "0 6 * * *")
    assert schedule["schedule"]["cron"] == expected
    assert schedule["schedule"]["timezone"] == "UTC"
    assert schedule["active"]
    assert not deployments["training/training"]["schedules"]
    assert not deployments["scoring/scoring"]["schedules"]


def test_every_parameter_is_a_plain_field_of_the_form(deployments):
    for name, deployment in deployments.items():
        schema = deployment["parameter_openapi_schema"]
        assert schema["properties"], name
        for field, rule in schema["properties"].items():
            kind = rule["items"].get("type") if rule.get("type") == "array" else rule.get("type")
            assert kind in SCALARS, (name, field, rule)
            assert rule["description"], (name, field)
            assert not {"anyOf", "allOf", "oneOf", "$ref"} & set(rule), (name, field, rule)
        assert schema["properties"]["source"]["enum"] == ["simulated"]
    detectors = deployments["training/training"]["parameter_openapi_schema"]["properties"]
    assert set(detectors["detectors"]["items"]["enum"]) == set(DETECTORS)
    scenario = deployments["drift-check/drift-check"]["parameter_openapi_schema"]["properties"]
    assert set(scenario["scenario"]["enum"]) >= {"", "none", "new_service"}


def test_a_run_asked_for_on_the_page_is_done_by_what_is_served(served, api, deployments, tmp_path):
    project, *_ = served
    file, out = tmp_path / "today.csv", tmp_path / "scored.csv"
    connections = simulate(load_params(project.params_file).source("simulated")).head(100)
    connections.drop(columns=["label", "attack"]).to_csv(file, index=False)
    parameters = {"file": str(file), "source": "simulated", "out": str(out)}
    state = run_to_its_end(api, deployments["scoring/scoring"], parameters)
    assert (state["type"], state["name"]) == ("COMPLETED", "Scored"), state["message"]
    assert "alerts in 100 rows" in state["message"]
    scored = pd.read_csv(out)
    assert len(scored) == 100
    assert scored["anomaly_score"].notna().all()


def test_ctrl_c_ends_all_processes_and_frees_the_ports(served):
    """The last one: it takes the servers away."""
    _, ports, up, log = served
    started = psutil.Process(up.pid).children(recursive=True)
    assert len(started) >= 3
    begun = time.monotonic()
    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 0, log.read_text()
    assert time.monotonic() - begun < 30
    assert "Traceback" not in log.read_text()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    assert all(processes.is_free(port) for port in ports.values())

"""``oddwire up``: both pages and the served deployments begin together and end together."""

from __future__ import annotations

import time

import httpx
import pandas as pd
import psutil
import pytest
from command_line import wait_until
from prefect_client import prefect_client
from served import free_ports, serving
from small_projects import SMALL_PARAMS

from oddwire.cli.servers import processes
from oddwire.detection.detectors import DETECTORS
from oddwire.params import load_params
from oddwire.traffic.sources.simulated import simulate

pytestmark = pytest.mark.slow
DEPLOYMENTS = {
    "training/training", "drift-check/drift-check", "scoring/scoring",
    "promote-version/promote-version", "roll-back/roll-back", "ingest/ingest", "watch/watch",
}  # fmt: skip
SCALARS = {"string", "integer", "number", "boolean"}


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory):
    """A trained project that is up."""
    with serving(trained[0], tmp_path_factory.mktemp("up") / "prefect", free_ports()) as up:
        yield up


@pytest.fixture(scope="module")
def api(served):
    with prefect_client(f"{served.page('prefect')}/api") as client:
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

    return wait_until(read, 90, "all deployments")


def run_to_its_end(api, deployment, parameters):
    def asked_for():
        body = {"parameters": parameters}
        answer = api.post(f"/deployments/{deployment['id']}/create_flow_run", json=body)
        # Prefect's database takes one writer at a time: who comes in between is told to ask again.
        return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer.json()

    run = wait_until(asked_for, 60, "an answer")

    def state():
        now = api.get(f"/flow_runs/{run['id']}").json()["state"]
        return now if now["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

    return wait_until(state, 200, "the end of the flow run")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("prefect", "Prefect"), ("mlflow", "MLflow"), ("evidently", "Evidently"),
        ("incidents", "Incidents"),
    ],
)  # fmt: skip
def test_every_page_answers(served, name, title):
    page = httpx.get(served.page(name), follow_redirects=True, timeout=30)
    assert page.status_code == 200
    assert title in page.text
    assert served.page(name) in served.log.read_text()


def test_every_deployment_is_served(deployments):
    assert set(deployments) == DEPLOYMENTS


def test_the_drift_check_alone_has_a_schedule(deployments):
    (schedule,) = deployments["drift-check/drift-check"]["schedules"]
    expected = SMALL_PARAMS["drift"].get("schedule", "0 6 * * *")
    assert schedule["schedule"]["cron"] == expected
    assert schedule["schedule"]["timezone"] == "UTC"
    assert schedule["active"]
    others = set(deployments) - {"drift-check/drift-check"}
    assert not any(deployments[name]["schedules"] for name in others)


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
    assert set(scenario["scenario"]["enum"]) >= {"new_traffic", "none", "new_service"}


def test_a_run_asked_for_on_the_page_is_done_by_what_is_served(served, api, deployments, tmp_path):
    project = served.project
    file, out = tmp_path / "today.csv", project.root / "scored.csv"
    connections = simulate(load_params(project.params_file).source("simulated")).head(100)
    connections.drop(columns=["label", "attack"]).to_csv(file, index=False)
    parameters = {"file": str(file), "source": "simulated", "out": str(out)}
    state = run_to_its_end(api, deployments["scoring/scoring"], parameters)
    assert (state["type"], state["name"]) == ("COMPLETED", "Scored"), state["message"]
    assert "100 rows. Scored by version" in state["message"]
    scored = pd.read_csv(out)
    out.unlink()
    assert len(scored) == 100
    assert scored["anomaly_score"].notna().all()


def test_a_value_that_is_not_offered_is_refused_before_a_run(api, deployments):
    wrong = {"source": "nowhere"}, {"detectors": ["forest"]}, {"trials": -1}
    address = f"/deployments/{deployments['training/training']['id']}/create_flow_run"
    for parameters in wrong:
        assert api.post(address, json={"parameters": parameters}).status_code == 409


def test_evidently_s_page_takes_no_orders(served):
    address = f"{served.page('evidently')}/api/projects"
    assert httpx.post(address, json={"name": "theirs"}, timeout=30).status_code in {401, 403}


def test_ctrl_c_ends_all_processes_and_frees_the_ports(served):
    """The last one: it takes the servers away."""
    started = psutil.Process(served.process.pid).children(recursive=True)
    assert len(started) >= 4
    begun = time.monotonic()
    served.end()
    assert served.process.returncode == 0, served.log.read_text()
    assert time.monotonic() - begun < 30
    assert "Traceback" not in served.log.read_text()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    assert all(processes.is_free(port) for port in served.ports.values())

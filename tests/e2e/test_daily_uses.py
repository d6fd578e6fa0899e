"""The three daily uses in a real browser, as a person would: run, compare, trust the drift check.

One story, told in order on one project: each test goes on where the one before it ended.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pandas as pd
import psutil
import pytest
from browser import RunForm, browser
from command_line import wait_until
from prefect_client import prefect_client
from served import free_ports, serving
from small_projects import SMALL_PARAMS, make_project

from oddwire.cli.servers import processes
from oddwire.operations.drift.reporting.evidently_history import add_to_history, dashboard_id
from oddwire.operations.drift.reporting.html_report import write_report
from oddwire.operations.drift.result import Subject
from oddwire.operations.drift.verdict import ColumnDrift, DriftCheck
from oddwire.operations.markdown import escaped_for_mlflow
from oddwire.operations.tracking.items import Tags
from oddwire.operations.tracking.store import NOTE, Tracking
from oddwire.operations.training.page import leaderboard_markdown
from oddwire.operations.training.results import TrainingResult

pytestmark = pytest.mark.slow
DETECTORS = ["isolation_forest", "one_class_svm", "autoencoder"]
TOKEN = "T0KEN-of-the-webhook"  # noqa: S105 - nobody's

HOSTILE = (
    "<img src=x onerror=alert(1)> **b** [l](javascript:alert(1)) `c` | </td><script>alert(1)"
    "</script> \x1b[31m ![i](http://evil.example/i.png) http://evil.example/ "
) + "x" * 1_000_000
ROW = {
    "detector": "isolation_forest", "validation": 0.9, "roc_auc": 0.9, "average_precision": 0.8,
    "false_positive_rate": 0.01, "model_version": "1",
}  # fmt: skip


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A project that nobody has trained yet, and where its servers are."""
    folder = tmp_path_factory.mktemp("office")
    params = copy.deepcopy(SMALL_PARAMS)
    params["sources"] = {
        "simulated": {"format": "simulated", "seed": 7, "days": 8, "connections_per_day": 1000},
        "branch": {"format": "simulated", "seed": 8, "days": 3, "connections_per_day": 800},
    }
    return make_project(folder / "project", params), folder, free_ports()


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("pictures")) as opened:
        yield opened


@dataclass
class Receiver:
    """Somebody's webhook: what it was sent."""

    address: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def receiver():
    got = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.received.append(json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer((processes.HOST, 0), Handler) as server:
        got.address = f"http://{processes.HOST}:{server.server_port}/hook?token={TOKEN}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield got
        server.shutdown()


@pytest.fixture(scope="module")
def up(office, screen, receiver):
    """The project, up."""
    project, folder, ports = office
    with serving(project, folder / "prefect", ports, ODDWIRE_WEBHOOK=receiver.address) as served:
        yield served


def api(up):
    """Return a client of its Prefect server."""
    return prefect_client(f"{up.page('prefect')}/api")


def read_deployment(up, name):
    """Return what Prefect's server knows of a deployment."""
    address = f"{up.page('prefect')}/api/deployments/name/{name}/{name}"
    return httpx.get(address, timeout=30).json()


def open_schedule(screen, up):
    """Go to the drift check, and return the switch of its schedule."""
    screen.open(f"{up.page('prefect')}/deployments")
    screen.page.get_by_role("link", name="drift-check", exact=True).first.click()
    switch = screen.page.locator(".p-toggle input, [role=switch]").first
    switch.wait_for(state="attached")
    screen.settle()
    return switch


def listening_addresses(up):
    """Return where the processes of a project that is up listen."""
    every = [up.process.pid, *(p.pid for p in psutil.Process(up.process.pid).children(True))]
    return [
        each.laddr.ip
        for pid in every
        for each in psutil.Process(pid).net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    ]


def open_form(screen, up, deployment):
    """Go to a deployment as people do, and open its form."""
    screen.open(f"{up.page('prefect')}/deployments")
    screen.page.get_by_role("link", name=deployment, exact=True).first.click()
    screen.page.get_by_role("button", name="Run", exact=True).click()
    screen.page.get_by_text("Custom run").click()
    return RunForm(screen)


def open_run(screen, up, name, state):
    """Wait for a run that ended in a state, and open it."""
    screen.open(f"{up.page('prefect')}/runs")
    link = screen.page.get_by_role("link", name=re.compile(name)).first
    link.wait_for()
    link.click()
    screen.page.get_by_text(state, exact=True).first.wait_for(timeout=300_000)
    screen.settle()


def test_the_form_explains_every_field(screen, up):
    form = open_form(screen, up, "training")
    names = form.names()
    assert names == [
        "source", "trials", "detectors", "promote", "supervised_baselines", "since", "until",
    ]  # fmt: skip
    for name in names:
        assert len(form.help(name)) > 20, name
    assert set(form.choose("source", "simulated")) == {"simulated", "branch"}
    form.fill("trials", "2")
    screen.picture("prefect-form")


def test_a_training_is_started_and_says_what_came_of_it(screen, up):
    form = RunForm(screen)
    form.submit()
    open_run(screen, up, r"^train simulated · 20", "Promoted")
    screen.picture("prefect-run")
    screen.sees(re.compile(r"trial 2/2: 0\.\d+ \(best 0\.\d+, mean family ROC AUC\)"))
    for detector in DETECTORS:
        screen.sees(f"fit-{detector}")
    assert "Traceback" not in screen.text()


def test_the_artifact_says_who_won_and_leads_to_mlflow(screen, up):
    screen.page.get_by_text("Artifacts", exact=True).click()
    screen.page.get_by_text(re.compile("leaderboard-simulated", re.IGNORECASE)).first.click()
    screen.sees("Training on simulated")
    screen.picture("prefect-leaderboard")
    screen.sees("winner, champion")
    screen.sees("validation mean recall")
    text = screen.text()
    assert not re.search(r"\\|&#|&lt;", text), "an escape is shown"
    training = screen.page.get_by_role("link", name="Open the training in MLflow")
    detectors = screen.page.get_by_role("link", name="Compare its detectors in MLflow")
    training, detectors = (link.get_attribute("href") for link in (training, detectors))
    screen.open(training)
    assert screen.page.url.startswith(up.page("mlflow"))
    screen.sees(re.compile(r"mean recall · v\d+ promoted"))
    screen.sees("Child runs")
    screen.sees("Datasets")
    screen.picture("mlflow-training")
    screen.open(detectors)
    screen.sees("Comparing 3 Runs from 1 Experiment")
    for detector in DETECTORS:
        screen.sees(re.compile(f"^{detector} 0"))
    screen.picture("mlflow-compare")


def test_the_first_click_shows_runs(screen, up):
    printed = re.search(r"simulated: (http\S+)", up.log.read_text())
    screen.open(printed[1])
    for name in ("trainings", "studies", "drift checks"):
        screen.page.get_by_role("link", name=name, exact=True).first.wait_for()
    screen.sees("Run Name")
    screen.sees(re.compile(r"^isolation_forest 0|^one_class_svm 0|^autoencoder 0"))
    screen.picture("mlflow-runs")


def test_a_version_says_what_it_is_and_why(screen, up):
    screen.open(f"{up.page('mlflow')}/#/models/oddwire-simulated/versions/1")
    screen.sees("Training that made it")
    screen.picture("mlflow-version")
    text = screen.text()
    assert "for source simulated, trained on" in text
    assert "Decision: " in text
    assert not re.search(r"&#|&lt;", text), "an entity is shown"


def test_a_broken_sensor_is_drift(screen, up):
    form = open_form(screen, up, "drift-check")
    for name in form.names():
        assert len(form.help(name)) > 20, name
    offered = form.choose("scenario", "broken_sensor")
    assert offered[0] == "new_traffic"
    form.submit()
    open_run(screen, up, r"^check simulated · broken_sensor · 20", "Drifted")
    screen.picture("prefect-drifted")
    screen.page.get_by_text("Artifacts", exact=True).click()
    screen.page.get_by_text(re.compile("drift-simulated", re.IGNORECASE)).first.click()
    screen.sees(re.compile("Drift check of simulated"))
    screen.picture("prefect-drift-artifact")


def test_nothing_listens_beyond_this_machine(up):
    listening = listening_addresses(up)
    assert len(listening) >= 3
    assert set(listening) == {processes.HOST}


def test_the_webhook_was_told_without_its_address_being_shown(up, receiver):
    (sent,) = wait_until(lambda: receiver.received, 60, "a call of the webhook")
    assert sent["source"] == "simulated"
    assert sent["drifted"] is True
    assert "columns exceed their threshold" in sent["verdict"]
    logs = "".join(file.read_text() for file in (up.project.root / "data/logs").glob("*.log"))
    assert TOKEN not in logs + up.log.read_text()
    stored = api(up).post("/automations/filter", json={}).text
    assert "oddwire: tell of drift" in stored
    assert TOKEN not in stored


def test_the_check_is_a_new_point_of_evidently_s_dashboard(screen, up):
    screen.open(up.page("evidently"))
    screen.page.get_by_text("simulated", exact=True).first.click()
    for panel in ("share of drifted columns", "score drift (distance)", "observed alert rate"):
        screen.sees(panel)
    screen.picture("evidently-dashboard")
    screen.page.get_by_text("Reports", exact=True).first.click()
    screen.sees(re.compile(r"DRIFT \d+/\d+ · .*broken_sensor"))


def test_hostile_text_is_harmless_on_every_page(screen, up):
    """Texts as they come from the wire, through what makes the pages' texts."""
    training = TrainingResult(
        "simulated", "0", ({**ROW, "strengths": HOSTILE},), "1", "isolation_forest",
        promoted=False, reason=HOSTILE, choice=HOSTILE, failed={"kmeans": HOSTILE},
    )  # fmt: skip
    body = {"key": "hostile", "type": "markdown", "data": leaderboard_markdown(training)}
    made = api(up).post("/artifacts/", json=body).json()
    screen.open(f"{up.page('prefect')}/artifacts/artifact/{made['id']}")
    screen.sees("Training on simulated")
    assert shown_whole(screen.text())

    tracking = Tracking.connect(up.project)
    run = tracking.newest_training("simulated").info
    note = Tags({NOTE: leaderboard_markdown(training, escaped_for_mlflow)})
    tracking.log(run.run_id, [note])
    screen.open(
        f"{up.page('mlflow')}/#/experiments/{run.experiment_id}/runs/{run.run_id}"
        "?workflowType=machine_learning"
    )
    screen.sees("Training on simulated")
    assert shown_whole(screen.text())

    moved = ColumnDrift(HOSTILE, 0.5, 0.1, drifted=True, kind="numeric")
    check = DriftCheck(
        drifted=True, verdict=f"Drift: {HOSTILE}", columns=(moved,), share=1.0, min_share=0.1,
        reference_rows=10, current_rows=10, method="like hours",
        reference=pd.DataFrame({HOSTILE: [0.0, 1.0]}), current=pd.DataFrame({HOSTILE: [5.0, 6.0]}),
    )  # fmt: skip
    subject = Subject(
        source="hostile", current=HOSTILE, kind="file", version="1", detector="isolation_forest",
        file=HOSTILE, start=None, end=None, rows=10, alert_rate=0.01, alert_p_value=0.01,
    )  # fmt: skip
    add_to_history(up.project, check, subject, key="hostile", name=HOSTILE)
    write_report(check, subject, up.project.root / "hostile.html")
    screen.open(f"{up.page('evidently')}/projects/{dashboard_id('hostile')}")
    screen.sees("share of drifted columns")
    screen.page.get_by_text("Reports", exact=True).first.click()
    screen.settle()
    screen.open(f"file://{up.project.root / 'hostile.html'}")
    assert "alert(1)" in screen.text()
    assert screen.dialogs == []


def shown_whole(text):
    """Whether a hostile text stands on a page as it is, without an escape."""
    return HOSTILE[:80] in text and not re.search(r"\\[<*_`\[]|&#|&lt;", text)


def test_a_schedule_that_is_paused_stays_paused_after_a_restart(screen, up, office, receiver):
    _, folder, ports = office
    switch = open_schedule(screen, up)
    assert switch.is_checked()
    switch.click()
    screen.sees(re.compile("schedule inactive|paused", re.IGNORECASE))
    screen.picture("prefect-paused")
    assert read_deployment(up, "drift-check")["schedules"][0]["active"] is False
    before = read_deployment(up, "drift-check")["updated"]
    up.end()
    with serving(up.project, folder / "prefect", ports, ODDWIRE_WEBHOOK=receiver.address) as again:
        wait_until(lambda: read_deployment(again, "drift-check")["updated"] > before, 90, "it")
        assert read_deployment(again, "drift-check")["schedules"][0]["active"] is False
        assert not open_schedule(screen, again).is_checked()
        screen.picture("prefect-still-paused")


def test_the_pages_asked_no_other_address(screen):
    """The last one."""
    assert screen.asked_elsewhere == []
    assert screen.dialogs == []

"""The three daily uses in a real browser, as a person would: run, compare, trust the drift check.

One story, told in order on one project: each test goes on where the one before it ended.
"""

from __future__ import annotations

import copy
import re

import psutil
import pytest
from browser import RunForm, browser
from served import free_ports, serving
from small_projects import SMALL_PARAMS, make_project

from oddwire.cli.servers import processes
from oddwire.operations.tracking.links import PAGE_VARIABLE
from oddwire.operations.tracking.store import Tracking

pytestmark = pytest.mark.slow
DETECTORS = ["isolation_forest", "one_class_svm", "autoencoder"]


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


@pytest.fixture(scope="module")
def up(office, screen):
    """The project, up."""
    project, folder, ports = office
    with serving(project, folder / "prefect", ports) as served:
        yield served


@pytest.fixture
def tracking(up, monkeypatch):
    """The project's MLflow store, whose links lead to the page that is up."""
    monkeypatch.setenv(PAGE_VARIABLE, up.page("mlflow"))
    return Tracking.connect(up.project)


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
    assert names == ["source", "trials", "detectors", "promote", "supervised_baselines"]
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
    text = screen.text()
    assert "trial 2/2: 0." in text
    assert "mean family ROC AUC" in text
    for detector in DETECTORS:
        assert f"fit-{detector}" in text
    assert "Traceback" not in text


def test_the_artifact_says_who_won_and_leads_to_mlflow(screen, up):
    screen.page.get_by_text("Artifacts", exact=True).click()
    screen.page.get_by_text(re.compile("leaderboard-simulated", re.IGNORECASE)).first.click()
    screen.sees("Training on simulated")
    screen.picture("prefect-leaderboard")
    text = screen.text()
    assert "winner, champion" in text
    assert "validation log AUC" in text
    link = screen.page.get_by_role("link", name=re.compile(r"log AUC · v\d+ promoted"))
    screen.open(link.get_attribute("href"))
    assert screen.page.url.startswith(up.page("mlflow"))
    screen.sees("Metrics")
    screen.picture("mlflow-training")


def test_the_detectors_are_compared_in_mlflow(screen, up, tracking):
    screen.open(tracking.runs_link("simulated"))
    screen.page.get_by_role("link", name=re.compile("^drift checks$")).first.wait_for()
    screen.page.get_by_role("link", name=re.compile("^studies$")).first.click()
    screen.settle()
    screen.picture("mlflow-runs")


def test_a_version_says_what_it_is(screen, up, tracking):
    screen.open(f"{up.page('mlflow')}/#/models/oddwire-simulated")
    screen.picture("mlflow-model")


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


def test_the_check_is_a_new_point_of_evidently_s_dashboard(screen, up):
    screen.open(up.page("evidently"))
    screen.page.get_by_text("simulated", exact=True).first.click()
    screen.sees("share of drifted columns")
    screen.picture("evidently")


def test_a_schedule_that_is_paused_stays_paused(screen, up, office):
    project, folder, ports = office
    screen.open(f"{up.page('prefect')}/deployments")
    screen.page.get_by_role("link", name="drift-check", exact=True).first.click()
    switch = screen.page.get_by_role("switch").first
    switch.click()
    screen.settle()
    screen.picture("prefect-paused")


def test_nothing_listens_beyond_this_machine(up):
    every = [up.process.pid, *(p.pid for p in psutil.Process(up.process.pid).children(True))]
    listening = [
        each.laddr.ip
        for pid in every
        for each in psutil.Process(pid).net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 2
    assert set(listening) == {processes.HOST}


def test_the_pages_asked_no_other_address(screen):
    """The last one."""
    assert screen.asked_elsewhere == []
    assert screen.dialogs == []

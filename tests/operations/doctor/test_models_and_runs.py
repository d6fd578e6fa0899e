"""Faults of what MLflow holds: models, runs of dead processes, drift checks."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from oddwire.operations.registry.versions import CHAMPION, PREVIOUS, model_name
from oddwire.operations.tracking.items import Tags

STORE = "MLflow's store"
OPENED = (STORE, "MLflow's runs", "champions", "drift")


def test_a_champion_is_told_with_its_age(look, champion):
    assert look(*OPENED) == []


def artifacts(registry, number):
    version = registry.numbered("desk", number)
    location = registry.tracking.client.get_logged_model(version.model_id).artifact_location
    return Path(location.removeprefix("file://"))


def test_a_champion_whose_files_were_altered_is_rolled_back(look, follow, champion):
    number = champion.number("desk")
    (altered,) = artifacts(champion, number).rglob("calibration*")
    altered.write_bytes(altered.read_bytes() + b" ")
    (found,) = look(STORE, "champions")
    assert found.subject == "desk, champion"
    assert f"version {number} cannot be used: {altered.name} was altered" in found.problem
    assert found.remedy == "oddwire rollback desk"
    follow(found)
    (found,) = look(STORE, "champions")
    assert (found.subject, found.severity) == ("desk, previous", "warning")
    assert found.remedy == "oddwire train desk"


def test_a_champion_whose_files_are_gone(look, champion):
    shutil.rmtree(artifacts(champion, champion.number("desk")))
    (found,) = look(STORE, "champions")
    assert (found.severity, found.remedy) == ("broken", "oddwire rollback desk")


def test_a_champion_without_its_digest(look, champion):
    name = model_name("desk")
    for alias in (CHAMPION, PREVIOUS):
        number = champion.number("desk", alias)
        champion.tracking.client.delete_model_version_tag(name, number, "manifest_sha256")
    first, second = look(STORE, "champions")
    assert "has no manifest_sha256 tag" in first.problem
    assert (first.severity, second.severity) == ("broken", "warning")
    assert first.remedy == "oddwire train desk"  # there is no sound version to roll back to


def test_a_promotion_that_was_killed_between_ledger_and_alias(look, follow, champion):
    before = champion.number("desk", PREVIOUS)
    champion.tracking.client.set_registered_model_alias(model_name("desk"), CHAMPION, before)
    (found,) = look(STORE, "champions")
    assert "by the ledger version 2 is champion" in found.problem
    follow(found)
    assert look(STORE, "champions") == []
    assert champion.number("desk") == "2"


def test_runs_of_a_process_that_was_killed(bare, tracking, mended):
    script = (
        "import os, pathlib; from oddwire.project import Project\n"
        "from oddwire.operations.tracking.store import Tracking\n"
        f"tracking = Tracking.connect(Project(pathlib.Path({str(bare.root)!r})))\n"
        "tracking.begin('desk', 'a \\x1b[31mtraining', kind='training'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    with tracking.run("desk", "this one lives", kind="training") as living:
        found = mended(STORE, "MLflow's runs", problem="1 run is RUNNING in MLflow")
        assert tracking.client.get_run(living).info.status == "RUNNING"
    assert "\x1b" not in found.problem
    statuses = [run.info.status for run in tracking.client.search_runs(["1"])]
    assert sorted(statuses) == ["FINISHED", "KILLED"]


def test_a_clock_that_was_set_back(tracking, look):
    later = int((time.time() + 3 * 86_400) * 1000)
    tracking.client.create_run(tracking.experiment("desk"), start_time=later)
    found = look(STORE, "MLflow's runs")
    assert [one.subject for one in found] == ["clock"]
    assert "begins 2 days from now" in found[0].problem


@pytest.fixture
def checked(champion):
    """A function that keeps a drift check of some days ago."""

    def one(*, drifted, days=0.0):
        tracking = champion.tracking
        with tracking.run("desk", "check", kind="drift") as run:
            tracking.log(run, [Tags({"drifted": drifted, "current": "a \x1b[31mfile.csv"})])
        begun = int((time.time() - days * 86_400) * 1000)
        with sqlite3.connect(tracking.uri.removeprefix("sqlite:///")) as database:
            database.execute("UPDATE runs SET start_time = ? WHERE run_uuid = ?", (begun, run))

    return one


def test_a_check_without_drift_is_quiet(look, checked):
    checked(drifted="no")
    assert look(STORE, "drift") == []


def test_a_last_verdict_of_drift(look, checked):
    checked(drifted="yes")
    (found,) = look(STORE, "drift")
    assert "found drift" in found.problem
    assert "\x1b" not in found.problem
    assert found.remedy == "oddwire train desk"


def test_a_last_check_that_is_too_long_ago(look, checked):
    checked(drifted="no", days=3)
    (found,) = look(STORE, "drift")
    assert "last drift check, 3 days ago, though drift.schedule is '0 6 * * *'" in found.problem
    assert found.remedy == "oddwire drift desk"


def test_a_last_training_that_is_too_long_ago_for_its_schedule(bare, look, champion):
    settings = yaml.safe_load(bare.params_file.read_text())
    settings["training"] = {"schedule": "0 3 * * 0"}
    bare.params_file.write_text(yaml.safe_dump(settings))
    with champion.tracking.run("desk", "training", kind="training") as run:
        pass
    assert look(STORE, "champions") == []
    with sqlite3.connect(champion.tracking.uri.removeprefix("sqlite:///")) as database:
        old = int((time.time() - 20 * 86_400) * 1000)
        database.execute("UPDATE runs SET start_time = ? WHERE run_uuid = ?", (old, run))
    (found,) = look(STORE, "champions")
    assert "was last trained 20 days ago" in found.problem


def test_a_store_of_a_server_that_does_not_answer(look, monkeypatch, follow):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:SECRET@127.0.0.1:9")
    (found,) = look(*OPENED)
    assert "does not answer" in found.problem
    assert "SECRET" not in str(found)
    assert found.remedy.startswith("unset MLFLOW_TRACKING_URI")


def test_a_store_that_is_none(look, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nothing://[")
    (found,) = look(*OPENED)
    assert found.severity == "broken"

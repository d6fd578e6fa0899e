"""The drift-check flow, against a real Prefect server and a real MLflow store."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from flows.drift_check import Scenario, check_drift
from oddwire.errors import NoModelError, ParameterError
from oddwire.operations.tracking.store import Tracking
from oddwire.params import DRIFT_SCENARIOS


@pytest.fixture
def in_trained(trained, monkeypatch):
    project, result = trained
    monkeypatch.setenv("ODDWIRE_PROJECT", str(project.root))
    return project, result


@pytest.mark.slow
def test_a_check_is_kept_in_mlflow_and_shown_on_the_page(in_trained, prefect_server):
    project, training = in_trained
    result = check_drift(source="simulated", scenario="none")
    tracking = Tracking.connect(project)
    run = tracking.client.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    tags = run.data.tags
    assert tags["kind"] == "drift"
    assert tags["model_version"] == training.version == result.version
    assert tags["verdict"] == result.check.verdict
    assert tags["drifted"] == "no"
    kept = {file.path for file in tracking.client.list_artifacts(result.run_id, "report")}
    assert kept == {"report/drift.html"}
    assert Path(result.report).is_relative_to(project.mlruns)
    assert Path(result.report).is_file()
    assert tracking.read_json(result.run_id, "verdict.json")["drifted"] is False
    artifact = httpx.get(f"{prefect_server}/artifacts/drift-simulated/latest").json()
    assert result.check.verdict.split(":")[0] in artifact["data"]


@pytest.mark.slow
def test_without_a_file_or_scenario_the_next_simulated_day_is_checked(in_trained):
    """That is what the schedule asks for."""
    first, second = check_drift(source="simulated"), check_drift(source="simulated")
    assert (first.current, second.current) == ("2026-03-05", "2026-03-06")
    assert first.check.current_rows > 0


def test_a_source_without_a_champion_fails(project, prefect_server):
    with pytest.raises(NoModelError, match="oddwire train simulated"):
        check_drift(source="simulated")
    assert not project.evidently.exists()


def test_an_unknown_source_fails(project, prefect_server):
    with pytest.raises(ParameterError, match="nowhere"):
        check_drift(source="nowhere")


def test_the_form_offers_every_scenario_and_no_other():
    form = TypeAdapter(Scenario)
    for name in ("new_traffic", "none", *DRIFT_SCENARIOS):
        assert form.validate_python(name) == name
    assert len(form.json_schema()["enum"]) == len(DRIFT_SCENARIOS) + 2
    with pytest.raises(ValidationError):
        form.validate_python("storm")

"""A drift check of the champion's traffic, kept in MLflow and in the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oddwire.errors import DataError, NoModelError, OddwireError, ParameterError
from oddwire.operations.drift.check import check_scenario, check_source
from oddwire.params import DRIFT_SCENARIOS, load_params


def checked(desk, source, **options):
    return check_source(desk.project, source, load_params(desk.project.params_file), **options)


def test_every_scenario_of_the_simulator_is_known_and_no_other():
    for scenario in ("", "none", *DRIFT_SCENARIOS):
        check_scenario(scenario)
    with pytest.raises(ParameterError, match=r"'rain': there are none, new_service, "):
        check_scenario("rain")


def test_a_wrong_question_is_told_before_a_run_begins(desk, tmp_path):
    before = len(desk.tracking._runs(desk.tracking.experiment("desk"), ""))
    questions = [
        ({"scenario": "rain"}, ParameterError, "unknown drift scenario 'rain'"),
        ({"scenario": "none"}, ParameterError, r"need a simulated source, got 'desk' \(table\)"),
        ({"scenario": "none", "current": "a.csv"}, ParameterError, "a scenario, not both"),
        ({"current": str(tmp_path / "none.csv")}, DataError, "none.csv"),
    ]
    for options, kind, says in questions:
        with pytest.raises(kind, match=says):
            checked(desk, "desk", **options)
    with pytest.raises(ParameterError, match="unknown source 'none'"):
        checked(desk, "none")
    with pytest.raises(NoModelError, match="no champion for source 'simulated'"):
        checked(desk, "simulated")
    assert len(desk.tracking._runs(desk.tracking.experiment("desk"), "")) == before


@pytest.mark.slow
def test_the_newest_rows_of_the_project_are_compared_by_default(desk):
    result = checked(desk, "desk")
    assert result.current == "newest rows"
    run = desk.tracking.client.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["kind"] == "drift"
    assert run.data.tags["drifted"] == ("yes" if result.check.drifted else "no")
    assert run.data.tags["verdict"] == result.check.verdict
    assert run.data.tags["model_version"] == result.version == "1"
    assert run.data.metrics["current_rows"] == result.check.current_rows
    report = Path(result.report)
    assert report.is_relative_to(desk.project.mlruns)
    assert "<html" in report.read_text()[:2000].lower()
    kept = {file.path for file in desk.tracking.client.list_artifacts(result.run_id, "report")}
    assert kept == {f"report/{report.name}"}
    verdict = desk.tracking.read_json(result.run_id, "verdict.json")
    assert verdict["drifted"] is result.check.drifted
    assert desk.tracking.newest_training("desk").info.run_id == desk.run.run_id


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["gone", "cut", "another"])
def test_a_check_whose_verdict_is_lost_is_made_again(desk, tmp_path, make_rows, damage):
    file = tmp_path / f"{damage}.csv"
    rows = make_rows(300, seed=8, attacks=0).drop(columns=["label", "attack"])
    rows.to_csv(file, index=False)
    first = checked(desk, "desk", current=str(file))
    assert checked(desk, "desk", current=str(file)).already_checked
    verdict = Path(desk.tracking.place(first.run_id, "verdict.json"))
    if damage == "gone":
        verdict.unlink()
    else:
        verdict.write_text({"cut": verdict.read_text()[:40], "another": "[]"}[damage])
    second = checked(desk, "desk", current=str(file))
    assert not second.already_checked
    assert second.run_id != first.run_id
    assert second.check.verdict == first.check.verdict
    assert checked(desk, "desk", current=str(file)).run_id == second.run_id


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1, 50])
def test_a_file_of_rows_is_drift_only_where_they_changed(desk, tmp_path, make_rows, factor):
    rows = make_rows(500, seed=5, attacks=0).drop(columns=["label", "attack"])
    rows["src_bytes"] *= factor
    file = tmp_path / "current.csv"
    rows.to_csv(file, index=False)
    result = checked(desk, "desk", current=str(file))
    changed = factor != 1
    assert result.check.drifted is changed, result.check.verdict
    assert ("src_bytes" in result.check.verdict) is changed
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["drifted"] is changed
    assert (plain["source"], plain["current"]) == ("desk", "current.csv")
    assert plain["report"] == result.report
    assert {row["column"] for row in plain["columns"]} >= {"src_bytes", "proto"}


@pytest.mark.slow
def test_a_check_that_fails_leaves_a_failed_run(desk, tmp_path):
    file = tmp_path / "few.csv"
    file.write_text("src_bytes,duration,dst_packets,proto\n1,2,3,tcp\n")
    with pytest.raises(OddwireError):
        checked(desk, "desk", current=str(file))
    runs = desk.tracking._runs(desk.tracking.experiment("desk"), "tags.kind = 'drift'")
    assert runs[0].info.status == "FAILED"


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["none", "broken_sensor"])
def test_simulated_days_drift_only_where_something_changed(simulated_desk, scenario):
    desk = simulated_desk
    result = checked(desk, "simulated", scenario=scenario)
    assert result.current == f"scenario {scenario}"
    assert result.check.drifted is (scenario != "none"), result.check.verdict
    run = desk.tracking.client.get_run(result.run_id)
    assert run.data.tags["drifted"] == ("yes" if result.check.drifted else "no")
    assert Path(result.report).is_file()

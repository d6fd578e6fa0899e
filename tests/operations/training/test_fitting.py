"""Prepared parts, the false-alarm budget, and the names of detectors."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.reports import threshold_line
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.operations.comparison.training_history import SCORES_FILE
from oddwire.operations.data.prepared import Prepared
from oddwire.operations.training import registering
from oddwire.operations.training.evaluating import evaluate_model, folder_megabytes
from oddwire.operations.training.fitting import fit_model, parse_detectors
from oddwire.params import AlertSettings
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.stages.prepare import prepare
from oddwire.traffic.labels import attacks_of, labels_of


def test_parts_and_schema_are_read_back(desk, schema):
    prepared = Prepared(desk.project.prepared("desk"))
    assert prepared.schema == schema
    assert prepared.share_kept == 1
    assert labels_of(prepared.part("train")).sum() == 0, "only benign rows train"


def test_the_share_of_rows_that_is_kept_is_that_of_the_rows_in_parts(tmp_path, schema):
    split = {part: {"rows": 100} for part in ("train", "calibration", "validation", "test")}
    split |= {"dropped": {"rows": 70}, "left_out": {"rows": 600}}
    content = {"schema": schema.to_dict(), "split": split}
    (tmp_path / "split.json").write_text(json.dumps(content), encoding="utf-8")
    assert Prepared(tmp_path).share_kept == 0.4


def test_a_source_that_was_not_prepared_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match=r"split\.json is missing: run `dvc repro prepare@desk`"):
        _ = Prepared(tmp_path / "desk").schema


def test_a_part_is_read_once(desk, monkeypatch):
    prepared = Prepared(desk.project.prepared("desk"))
    first = prepared.part("test")
    monkeypatch.setattr(pd, "read_parquet", None)
    assert prepared.part("test") is first


def test_the_kept_scores_are_those_of_the_model_on_the_test_rows(desk, tmp_path):
    report = desk.evaluated.report
    file = desk.tracking.download(desk.evaluated.searched.run_id, SCORES_FILE, tmp_path)
    kept = ScoredRows.load(file)
    test = Prepared(desk.project.prepared("desk")).part("test")
    model = desk.registry.load(desk.registry.champion("desk"))
    np.testing.assert_array_equal(kept.scores, model.anomaly_score(test))
    np.testing.assert_array_equal(kept.labels, labels_of(test))
    assert kept.attack.tolist() == attacks_of(test).tolist()
    assert report.test.rows == len(test)
    assert report.megabytes > 0


def test_prepared_parts_know_what_share_of_their_time_they_are(bare, make_rows):
    make_rows(1600).to_csv(bare.root / "rows.csv", index=False)
    params = yaml.safe_load(bare.params_file.read_text())
    params["split"]["max_rows"] = 1000
    bare.params_file.write_text(yaml.safe_dump(params))
    for stage in (link, ingest, prepare):
        stage(bare, "desk")
    prepared, rows = Prepared(bare.prepared("desk")), pd.read_csv(bare.root / "rows.csv")
    kept = [len(prepared.part(part)) for part in ("train", "calibration", "validation", "test")]
    assert prepared.share_kept == sum(kept) / len(rows) < 1


def test_the_champion_is_measured_in_the_units_of_the_challenger(desk):
    """As the settings say now, however long those are that it was calibrated in."""
    params = desk.run.params
    alerts = params.alerts.model_copy(update={"unit_minutes": 45.0})
    run = replace(desk.run, params=params.model_copy(update={"alerts": alerts}))
    champion, _ = registering._champion(run, desk.registry)
    assert champion.units.minutes == 45


@pytest.mark.usefixtures("small_forest")
def test_the_same_fit_gives_the_same_scores_as_the_registered_model(desk):
    model, _ = fit_model(desk.run, "isolation_forest", desk.evaluated.searched.study.parameters)
    test = desk.run.prepared.part("test")
    first = desk.registry.load(desk.registry.champion("desk")).score(test)
    pd.testing.assert_frame_equal(model.score(test), first)


def by_rule(desk, rule, **settings):
    """Return the desk's training under another rule of the threshold."""
    alerts = AlertSettings(rule=rule, **settings)
    return replace(desk.run, params=desk.run.params.model_copy(update={"alerts": alerts}))


@pytest.mark.usefixtures("small_forest")
@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        ("target", {"target": {"share_of_rows": 0.02}}),
        ("tail", {"target": {"share_of_rows": 0.02}}),
        ("best_f1", {}),
        ("precision", {"min_precision": 0.3, "attack_share": 0.2}),
    ],
)
def test_a_model_keeps_the_rule_of_its_threshold_and_its_report_tells_it(
    desk, tmp_path, rule, settings
):
    training = by_rule(desk, rule, **settings)
    model, seconds = fit_model(training, "isolation_forest", {})
    kept = model.threshold_rule
    assert kept["rule"] == rule
    assert kept["alert_p_value"] == model.alert_p_value
    assert settings.items() <= kept.items()
    model.save(tmp_path / "model")
    report = evaluate_model(training, model, tmp_path / "model", fit_seconds=seconds)
    assert report.threshold_rule == kept
    assert report.test.threshold == model.threshold
    assert f"threshold set by the rule {rule}: " in threshold_line(report.threshold_rule)


@pytest.mark.usefixtures("small_forest")
def test_no_rule_sees_the_test_rows(desk, tmp_path):
    """The parts before the test alone give every threshold: there need not even be a test file."""
    copy = tmp_path / "desk"
    shutil.copytree(desk.project.prepared("desk"), copy)
    (copy / "test.parquet").unlink()
    for rule in ("target", "tail", "best_f1", "precision"):
        training = replace(by_rule(desk, rule, min_precision=0.5), prepared=Prepared(copy))
        model, _ = fit_model(training, "isolation_forest", {})
        assert np.isfinite(model.threshold)


def test_rules_that_need_labels_are_refused_before_a_search(desk, tmp_path):
    shutil.copytree(desk.project.prepared("desk"), tmp_path / "desk")
    split = tmp_path / "desk" / "split.json"
    content = json.loads(split.read_text())
    content["split"]["validation"] |= {"attacks": 0}
    split.write_text(json.dumps(content))
    training = replace(by_rule(desk, "best_f1"), prepared=Prepared(tmp_path / "desk"))
    with pytest.raises(ParameterError, match=r"best_f1 needs attacks .* got 0 attacks"):
        _ = training.target


def test_detectors_are_named_once_each_in_the_order_given():
    assert parse_detectors("one_class_svm, isolation_forest,,one_class_svm") == (
        "one_class_svm", "isolation_forest",
    )  # fmt: skip


@pytest.mark.parametrize("names", ["", " , ", ","])
def test_no_detector_is_told_with_those_that_there_are(names):
    with pytest.raises(ParameterError, match="at least one of isolation_forest, one_class_svm"):
        parse_detectors(names)


def test_an_unknown_detector_is_told_with_those_that_there_are():
    with pytest.raises(ParameterError, match="unknown detector 'forest': there are isolation_for"):
        parse_detectors("isolation_forest,forest")


def test_a_folder_weighs_what_its_files_weigh(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"x" * 1_500_000)
    (tmp_path / "b").write_bytes(b"x" * 500_000)
    assert folder_megabytes(tmp_path) == 2.0

"""Prepared parts, the false-alarm budget, and the names of detectors."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.model import Model
from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.reports import threshold_line
from oddwire.operations.training.fitting import (
    THRESHOLD,
    Prepared,
    TestScores,
    attacks_of,
    evaluate_model,
    fit_model,
    folder_megabytes,
    labels_of,
    parse_detectors,
)
from oddwire.params import AlertSettings
from oddwire.project import Project


def test_parts_and_schema_are_read_back(desk, schema):
    prepared = Prepared(desk.project.prepared("desk"))
    assert prepared.schema == schema
    assert prepared.kind == "table"
    assert prepared.connections_per_day is None
    parts = [prepared.part(name) for name in ("train", "calibration", "validation")]
    assert len(prepared.before_test()) == sum(len(part) for part in parts)
    assert labels_of(prepared.part("train")).sum() == 0, "only benign rows train"


def test_a_source_that_was_not_prepared_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match=r"split\.json is missing: run `dvc repro prepare@desk`"):
        _ = Prepared(tmp_path / "desk").schema


def test_the_kept_scores_are_those_of_the_model_on_the_test_rows(desk):
    report = desk.evaluated.report
    kept = TestScores.load(desk.project.root / "kept" / report.scores_file.name)
    test = Prepared(desk.project.prepared("desk")).part("test")
    model = desk.registry.load(desk.registry.champion("desk"))
    np.testing.assert_array_equal(kept.scores, model.anomaly_score(test))
    np.testing.assert_array_equal(kept.labels, labels_of(test))
    assert kept.attack.tolist() == attacks_of(test).tolist()
    assert report.test.rows == len(test)
    assert report.megabytes > 0


@pytest.mark.usefixtures("small_forest")
def test_the_same_fit_gives_the_same_scores(desk, tmp_path):
    prepared = Prepared(desk.project.prepared("desk"))
    given = (prepared, "isolation_forest", desk.evaluated.fitted.parameters)
    alerts = AlertSettings(target_fpr=0.05)
    fitted = fit_model(*given, seed=7, alerts=alerts, into=tmp_path / "again")
    test = prepared.part("test")
    first = desk.registry.load(desk.registry.champion("desk")).score(test)
    pd.testing.assert_frame_equal(Model.load(fitted.folder).score(test), first)


def fit_by(rule, prepared, tmp_path, **settings):
    """Fit a small forest whose threshold is set by a rule."""
    alerts = AlertSettings(rule=rule, **settings)
    into = tmp_path / "model"
    fitted = fit_model(prepared, "isolation_forest", {}, seed=7, alerts=alerts, into=into)
    return fitted, Model.load(into)


@pytest.mark.usefixtures("small_forest")
@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        ("fpr", {"target_fpr": 0.02}),
        ("tail", {"target_fpr": 0.02}),
        ("best_f1", {}),
        ("precision", {"min_precision": 0.3, "attack_share": 0.2}),
    ],
)
def test_a_model_keeps_the_rule_of_its_threshold_and_its_report_tells_it(
    desk, tmp_path, rule, settings
):
    prepared = Prepared(desk.project.prepared("desk"))
    fitted, model = fit_by(rule, prepared, tmp_path, **settings)
    kept = model.metadata[THRESHOLD]
    assert kept["rule"] == rule
    assert kept["alert_p_value"] == model.alert_p_value
    assert settings.items() <= kept.items()
    report = evaluate_model(prepared, fitted, keep=tmp_path / "scores.parquet")
    assert report.threshold_rule == kept
    assert report.test.threshold == model.threshold
    assert f"threshold set by the rule {rule}: " in threshold_line(report.threshold_rule)


@pytest.mark.usefixtures("small_forest")
def test_no_rule_sees_the_test_rows(desk, tmp_path):
    """The parts before the test alone give every threshold: there need not even be a test file."""
    copy = tmp_path / "desk"
    shutil.copytree(desk.project.prepared("desk"), copy)
    (copy / "test.parquet").unlink()
    for rule in ("fpr", "tail", "best_f1", "precision"):
        _, model = fit_by(rule, Prepared(copy), tmp_path / rule, min_precision=0.5)
        assert 0 < model.alert_p_value < 1


def test_rules_that_need_labels_are_refused_before_a_search(desk, tmp_path):
    copy = Project(tmp_path)
    shutil.copytree(desk.project.prepared("desk"), copy.prepared("desk"))
    split = copy.prepared("desk") / "split.json"
    told = json.loads(split.read_text())
    told["split"]["validation"] |= {"attacks": 0}
    split.write_text(json.dumps(told))
    alerts = AlertSettings(rule="best_f1")
    training = replace(
        desk.run, root=tmp_path, params=desk.run.params.model_copy(update={"alerts": alerts})
    )
    with pytest.raises(ParameterError, match=r"best_f1 needs attacks .* got 0 attacks"):
        _ = training.target_fpr


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


def test_labels_and_families_that_are_not_there_are_unknown():
    rows = pd.DataFrame({"a": [1.0, 2.0]})
    assert np.isnan(labels_of(rows)).all()
    assert attacks_of(rows).tolist() == [None, None]
    rows["label"] = pd.array([1, None], dtype="Int8")
    rows["attack"] = pd.array(["scan", None], dtype="string")
    assert labels_of(rows)[0] == 1
    assert np.isnan(labels_of(rows)[1])
    assert attacks_of(rows).tolist() == ["scan", None]


def test_a_folder_weighs_what_its_files_weigh(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"x" * 1_500_000)
    (tmp_path / "b").write_bytes(b"x" * 500_000)
    assert folder_megabytes(tmp_path) == 2.0

"""Prepared parts, the false-alarm budget, and the names of detectors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.model import Model
from oddwire.errors import DataError, ParameterError
from oddwire.operations.fitting import (
    Prepared,
    TestScores,
    alert_rate,
    attacks_of,
    fit_model,
    folder_megabytes,
    labels_of,
    parse_detectors,
)
from oddwire.params import AlertSettings


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
    report = desk.judged.report
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
    given = (prepared, "isolation_forest", desk.judged.fitted.parameters)
    fitted = fit_model(*given, seed=7, max_fpr=0.05, into=tmp_path / "again")
    test = prepared.part("test")
    first = desk.registry.load(desk.registry.champion("desk")).score(test)
    pd.testing.assert_frame_equal(Model.load(fitted.folder).score(test), first)


def test_alerts_per_day_win_over_the_rate_and_need_a_time():
    assert alert_rate(AlertSettings(max_fpr=0.02), None) == 0.02
    assert alert_rate(AlertSettings(max_fpr=0.02), 1000.0) == 0.02
    budget = AlertSettings(max_fpr=0.02, alerts_per_day=5)
    assert alert_rate(budget, 1000.0) == pytest.approx(0.005)
    with pytest.raises(ParameterError, match=r"alerts\.alerts_per_day needs a source with times"):
        alert_rate(budget, None)


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

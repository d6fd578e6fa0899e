"""What is kept with a run, read as plain items: no server is needed to see what it will show."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from items import merged, of, texts

from oddwire.detection.calibration.thresholds.targets import Target
from oddwire.evaluation import yardstick
from oddwire.evaluation.metrics import evaluate
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.operations.comparison.training_history import LEADERBOARD_COLUMNS
from oddwire.operations.data.lineage import Lineage
from oddwire.operations.registry.promotion import Check, PromotionDecision
from oddwire.operations.tracking.items import (
    Figure,
    File,
    Metrics,
    Parameters,
    Table,
    Tags,
)
from oddwire.operations.training import records
from oddwire.operations.training.results import Validation
from oddwire.params import check_params

PARAMS = check_params({
    "seed": 3,
    "sources": {"desk": {"format": "simulated", "days": 2}, "other": {"format": "simulated"}},
    "alerts": {"target": {"share_of_rows": 0.02}},
})  # fmt: skip


VALIDATION = Validation("family_log_auc", 0.75)


def lineage(**changes):
    given = {
        "git_commit": "a" * 40, "git_diff": "", "dvc_lock": {"prepare@desk": {"cmd": "x"}},
        "data_digest": "d", "versions": {"numpy": "2"},
    }  # fmt: skip
    return Lineage(**(given | changes))


@pytest.fixture
def benign_report(report):
    """A report of test rows without any attack."""
    rows = report.scored
    labels = np.zeros_like(rows.labels)
    benign = ScoredRows(labels, rows.scores, np.full(len(labels), None, dtype=object))
    limits = {"threshold": np.inf, "alert_p_value": report.test.alert_p_value}
    return replace(report, test=evaluate(labels, rows.scores, **limits), scored=benign)


def test_the_lineage_holds_settings_lock_versions_and_a_diff_where_there_is_one():
    items = list(records.lineage_items(lineage(), PARAMS))
    files = texts(items)
    assert set(files) == {f"lineage/{n}.json" for n in ("params", "dvc.lock", "versions")}
    assert json.loads(files["lineage/params.json"])["sources"]["other"]["format"] == "simulated"
    assert json.loads(files["lineage/dvc.lock.json"]) == {"prepare@desk": {"cmd": "x"}}
    assert merged(Tags, items)["git_tree_clean"] == "yes"
    dirty = list(records.lineage_items(lineage(git_diff="+a\n"), PARAMS))
    assert texts(dirty)["lineage/git.diff"] == "+a\n"
    assert merged(Tags, dirty)["git_tree_clean"] == "no"


def test_the_settings_of_a_training_are_flat_and_of_its_source_alone():
    target = Target("false_incidents_per_day", 30.0)
    chosen = {"trials": 5, "detectors": ["kmeans", "autoencoder"], "target": target}
    settings = merged(Parameters, records.settings_items(PARAMS, "desk", **chosen))
    assert settings["seed"] == 3
    assert settings["alerts.target.false_incidents_per_day"] == 30
    assert "alerts.target.share_of_rows" not in settings, "the one in effect, or its default"
    assert settings["source.days"] == 2
    assert settings["search.trials"] == 5, "the one in effect, and no other beside it"
    assert settings["search.detectors"] == "kmeans,autoencoder"
    assert "trials" not in settings
    assert None not in settings.values()
    assert not any(isinstance(value, dict) for value in settings.values())
    assert not any("other" in key for key in settings)


def test_a_detector_shows_figures_pictures_reports_and_families(report):
    items = list(records.detector_items(report, VALIDATION))
    metrics = merged(Metrics, items)
    assert metrics["roc_auc"] == report.test.roc_auc > 0.7
    assert metrics["target_share_of_rows"] == 0.05
    figures = json.loads(texts(items)["figures.json"])
    assert figures["threshold"] == report.test.threshold
    assert figures["alert_p_value"] == 0.05
    assert {item.file for item in of(Figure, items)} == {
        f"plots/{name}.png"
        for name in (
            "roc", "precision_recall", "confusion_test", "confusion_train", "scores", "calibration",
        )
    }  # fmt: skip
    assert set(texts(items)) >= {"reports/test.txt", "reports/train.txt", "intervals.json"}
    (families,) = of(Table, items)
    assert set(families.frame["family"]) == {"scan", "flood"}
    assert families.frame["seen"].tolist() == [True, True]
    (scores,) = of(File, items)
    assert scores.file == "test_scores.parquet"
    assert scores.path == report.scores_file


def test_every_figure_is_kept_with_its_interval(report):
    files = texts(records.detector_items(report, VALIDATION))
    figures, intervals = (json.loads(files[f"{name}.json"]) for name in ("figures", "intervals"))
    for name, value in report.test.figures.items():
        assert figures[name] == value
        bound = intervals["bounds"][name]
        assert bound["low"] <= value <= bound["high"], name


def test_the_metrics_are_a_dozen_at_most_and_the_yardstick_is_the_first(report):
    """MLflow's page compares runs by the first metric that they share."""
    of_training = merged(Metrics, records.training_items([report], report, VALIDATION))
    of_study = merged(Metrics, records.detector_items(report, VALIDATION))
    assert of_training == of_study
    assert len(of_training) < 12, "the study's own figure makes the dozen"
    assert next(iter(of_training)) == yardstick.NAME
    rows = report.scored
    expected = yardstick.value(rows.labels, rows.scores, rows.attack)
    assert of_training[yardstick.NAME] == expected
    assert of_training["validation_family_log_auc"] == VALIDATION.value


@pytest.mark.parametrize(
    ("promote", "checked", "champion", "expected"),
    [
        (True, True, "4", "v4 promoted"),
        (False, True, "2", "v2 kept champion"),
        (False, True, None, "v4 refused"),
        (False, False, "2", "v4 not asked"),
    ],
)
def test_a_run_is_named_by_what_came_of_it(report, promote, checked, champion, expected):
    checks = (Check(name="x", passed=promote, figure=None, limit=None, note=""),) if checked else ()
    decision = PromotionDecision(promote=promote, reason="", checks=checks)
    name = records.training_name(report, "4", decision, champion)
    assert name == f"isolation_forest {report.yardstick:.2f} log AUC · {expected}"


def test_a_run_without_labelled_test_rows_is_named_by_its_detector_alone(benign_report):
    assert records.detector_name(benign_report) == "isolation_forest"


@pytest.mark.parametrize("locked", [True, False])
def test_the_rows_that_went_in_are_told_with_their_hash(desk, locked):
    outs = [{"path": "data/prepared/desk", "md5": f"{'0' * 32}.dir"}]
    where = lineage(dvc_lock={"prepare@desk": {"outs": outs}} if locked else {})
    training, test = records.dataset_inputs(where, desk.run.prepared, "desk")
    assert (training.name, training.context, test.context) == ("desk", "training", "test")
    assert {training.digest, test.digest} == {f"{'0' * 32}.dir" if locked else "d"}
    assert test.rows == len(desk.run.prepared.part("test"))
    assert training.rows + test.rows == 600
    assert training.columns["src_bytes"] == "double"
    assert training.columns["proto"] == "string"
    assert training.place == "data/prepared/desk"


def test_undefined_metrics_are_told_with_their_reason(benign_report):
    items = list(records.detector_items(benign_report, VALIDATION))
    undefined = json.loads(texts(items)["undefined_metrics.json"])
    assert "no attack" in undefined["roc_auc"]
    assert "undefined: no attack" in texts(items)["reports/test.txt"]
    metrics = merged(Metrics, items)
    assert metrics["roc_auc"] is None
    figures = json.loads(texts(items)["figures.json"])
    assert figures["threshold"] is None, "infinite: JSON cannot say it"
    row = records.leaderboard_row(benign_report, "run", "4")
    assert row["threshold"] is None
    assert "no score raises an alert" in row["undefined"]["threshold"]
    json.dumps(row, allow_nan=False)


def test_a_leaderboard_row_holds_what_machines_read(report):
    row = records.leaderboard_row(report, "abc", "7")
    assert set(LEADERBOARD_COLUMNS) < set(row)
    assert (row["detector"], row["run_id"], row["model_version"]) == (
        "isolation_forest", "abc", "7",
    )  # fmt: skip
    assert row["roc_auc"] == report.test.roc_auc
    assert row["rows_per_second"] == report.rows_per_second
    assert row["undefined"] == {}
    assert row["target"] == {"share_of_rows": 0.05}
    assert row["alert_p_value"] == 0.05
    assert row["observed"]["share_of_rows"]["value"] == row["false_positive_rate"]
    assert row["target_verdict"] in {"kept", "above", "below"}
    assert row["intervals"]["roc_auc"]["low"] < row["roc_auc"] < row["intervals"]["roc_auc"]["high"]
    assert row["recall_at_fpr_0.01"] == report.test.recalls_at_fpr["recall_at_fpr_0.01"]
    assert not any(isinstance(value, np.generic) for value in row.values())


def test_the_leaderboard_is_kept_for_machines_and_for_the_page(report):
    rows = [records.leaderboard_row(report, "abc", "7")]
    text, table = records.leaderboard_items(rows)
    assert json.loads(text.text) == json.loads(json.dumps(rows))
    assert tuple(table.frame.columns) == LEADERBOARD_COLUMNS
    assert len(table.frame) == 1


def test_the_training_shows_the_best_and_all_side_by_side(report, benign_report):
    other = replace(benign_report, detector="one_class_svm", scored=report.scored)
    items = list(records.training_items([report, other], report, VALIDATION))
    assert merged(Tags, items) == {"best_detector": "isolation_forest"}
    assert merged(Metrics, items)["roc_auc"] == report.test.roc_auc
    roc = next(item.draw() for item in of(Figure, items) if item.file == "plots/roc.png")
    legend = " ".join(text.get_text() for text in roc.axes[0].get_legend().get_texts())
    assert "isolation" in legend.lower()
    assert "svm" in legend.lower()
    kept = json.loads(texts(items)["intervals.json"])
    assert kept["bounds"]["roc_auc"]["low"] == report.intervals.bounds["roc_auc"].low
    drawn = {item.file: item.draw() for item in of(Figure, items)}
    shown = [text.get_text() for text in drawn["plots/families.png"].axes[0].get_xticklabels()]
    assert shown == ["isolation_forest", "one_class_svm"]
    told = texts(items)["reports/strengths.txt"].splitlines()
    assert [line.split()[0] for line in told] == shown
    assert list(records.strengths([report, other])) == shown

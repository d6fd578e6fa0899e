"""What is kept with a run, read as plain items: no server is needed to see what it will show."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from items import merged, of, texts

from oddwire.evaluation.metrics import evaluate
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.operations.comparison.training_history import LEADERBOARD_COLUMNS
from oddwire.operations.data.lineage import Lineage
from oddwire.operations.tracking.items import (
    Figure,
    File,
    Metrics,
    Parameters,
    Table,
    Tags,
)
from oddwire.operations.training import records
from oddwire.params import check_params

PARAMS = check_params({
    "seed": 3,
    "sources": {"desk": {"format": "simulated", "days": 2}, "other": {"format": "simulated"}},
    "alerts": {"target_fpr": 0.02},
})  # fmt: skip


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
    settings = merged(Parameters, records.settings_items(PARAMS, "desk", trials=5))
    assert settings["seed"] == 3
    assert settings["alerts.target_fpr"] == 0.02
    assert settings["source.days"] == 2
    assert settings["trials"] == 5
    assert not any(isinstance(value, dict) for value in settings.values())
    assert not any("other" in key for key in settings)


def test_a_detector_shows_figures_pictures_reports_and_families(report):
    items = list(records.detector_items(report))
    metrics = merged(Metrics, items)
    assert metrics["roc_auc"] == report.test.roc_auc > 0.7
    assert metrics["threshold"] == report.test.threshold
    assert metrics["target_fpr"] == metrics["alert_p_value"] == 0.05
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
    metrics = merged(Metrics, records.detector_items(report))
    for name, value in report.test.figures.items():
        assert metrics[f"{name}_low"] <= value <= metrics[f"{name}_high"], name
    kept = json.loads(texts(records.detector_items(report))["intervals.json"])
    assert kept["bounds"]["roc_auc"]["low"] == metrics["roc_auc_low"]


def test_undefined_metrics_are_told_with_their_reason(benign_report):
    items = list(records.detector_items(benign_report))
    undefined = json.loads(texts(items)["undefined_metrics.json"])
    assert "no attack" in undefined["roc_auc"]
    assert "undefined: no attack" in texts(items)["reports/test.txt"]
    metrics = merged(Metrics, items)
    assert metrics["roc_auc"] is None
    assert metrics["threshold"] is None, "infinite: MLflow's page cannot show it"
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
    assert row["target_fpr"] == row["alert_p_value"] == 0.05
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
    items = list(records.training_items([report, other], report))
    metrics = merged(Metrics, items)
    assert merged(Tags, items) == {"best_detector": "isolation_forest"}
    assert metrics["roc_auc"] == metrics["isolation_forest_roc_auc"] == report.test.roc_auc
    assert metrics["one_class_svm_roc_auc"] is None
    roc = next(item.figure for item in of(Figure, items) if item.file == "plots/roc.png")
    legend = " ".join(text.get_text() for text in roc.axes[0].get_legend().get_texts())
    assert "isolation" in legend.lower()
    assert "svm" in legend.lower()
    assert metrics["roc_auc_low"] == report.intervals.bounds["roc_auc"].low
    drawn = {item.file: item.figure for item in of(Figure, items)}
    shown = [text.get_text() for text in drawn["plots/families.png"].axes[0].get_xticklabels()]
    assert shown == ["isolation_forest", "one_class_svm"]
    told = texts(items)["reports/strengths.txt"].splitlines()
    assert [line.split()[0] for line in told] == shown
    assert list(records.strengths([report, other])) == shown

"""What is kept with a run, read as plain items: no server is needed to see what it will show."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from oddwire.evaluation.metrics import evaluate
from oddwire.operations.data.lineage import Lineage
from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.search.plans import StudyResult, TrialRecord
from oddwire.operations.tracking.items import (
    LEADERBOARD_COLUMNS,
    Figure,
    File,
    Metrics,
    Parameters,
    Table,
    Tags,
    Text,
)
from oddwire.operations.training import records
from oddwire.operations.training.fitting import TestScores
from oddwire.params import check_params

PARAMS = check_params({
    "seed": 3,
    "sources": {"desk": {"format": "simulated", "days": 2}, "other": {"format": "simulated"}},
    "alerts": {"target_fpr": 0.02},
})  # fmt: skip
GOOD = TrialRecord(0, "complete", 0.8, {"detector__n_estimators": 10}, 1.5, 0.4)
PRUNED = TrialRecord(1, "pruned", None, {"detector__n_estimators": 20}, 0.5)
BAD = TrialRecord(2, "failed", None, {"detector__n_estimators": -1}, 0.1, None, "ValueError: -1")
STUDY = StudyResult(
    "desk/isolation_forest/x/1", "isolation_forest", "family_roc_auc", 0.8, GOOD.parameters,
    (GOOD, PRUNED, BAD), 1,
)  # fmt: skip


def of(kind, items):
    return [item for item in items if isinstance(item, kind)]


def merged(kind, items):
    found = {}
    for item in of(kind, items):
        found |= item.values  # noqa: PD011 - an item, not a data frame
    return found


def texts(items):
    return {item.file: item.text for item in of(Text, items)}


def lineage(**changes):
    given = {
        "git_commit": "a" * 40, "git_diff": "", "dvc_lock": {"prepare@desk": {"cmd": "x"}},
        "data_digest": "d", "versions": {"numpy": "2"},
    }  # fmt: skip
    return Lineage(**(given | changes))


@pytest.fixture
def benign_report(report, tmp_path):
    """A report of test rows without any attack."""
    rows = TestScores.load(report.scores_file)
    labels = np.zeros_like(rows.labels)
    file = tmp_path / "benign.parquet"
    TestScores(labels, rows.scores, np.full(len(labels), None, dtype=object)).save(file)
    limits = {"threshold": np.inf, "alert_p_value": report.test.alert_p_value}
    return replace(report, test=evaluate(labels, rows.scores, **limits), scores_file=file)


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


def test_a_trial_shows_parameters_value_and_state():
    items = list(records.trial_items(GOOD, "family_roc_auc"))
    assert merged(Parameters, items) == {"detector__n_estimators": 10}
    assert merged(Metrics, items) == {
        "family_roc_auc": 0.8, "average_precision": 0.4, "seconds": 1.5,
    }  # fmt: skip
    assert merged(Tags, items) == {"trial_state": "complete"}


def test_a_failed_trial_says_why_and_has_no_value():
    items = list(records.trial_items(BAD, "family_roc_auc"))
    assert merged(Tags, items) == {"trial_state": "failed", "error": "ValueError: -1"}
    assert merged(Metrics, items)["family_roc_auc"] is None


def test_a_study_counts_its_trials_and_draws_its_history():
    items = list(records.study_items(STUDY))
    assert merged(Metrics, items) == pytest.approx({
        "validation_family_roc_auc": 0.8, "trials_complete": 1, "trials_pruned": 1,
        "trials_failed": 1, "trials_resumed": 1, "search_seconds": 2.1,
    })  # fmt: skip
    assert merged(Tags, items)["criterion"] == "family_roc_auc"
    assert [item.file for item in of(Figure, items)] == ["plots/optimisation_history.png"]


def test_defaults_without_a_search_draw_no_history():
    study = replace(STUDY, value=None, trials=(), resumed_trials=0, name="defaults")
    items = list(records.study_items(study))
    assert of(Figure, items) == []
    assert merged(Metrics, items)["validation_family_roc_auc"] is None
    assert merged(Parameters, items) == GOOD.parameters


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
    assert len(TestScores.load(scores.path).p_values) == report.test.rows


def test_every_figure_is_kept_with_its_interval(report):
    metrics = merged(Metrics, records.detector_items(report))
    for name, value in report.test.figures.items():
        assert metrics[f"{name}_low"] <= value <= metrics[f"{name}_high"], name
    kept = json.loads(texts(records.detector_items(report))["intervals.json"])
    assert kept["bounds"]["roc_auc"]["low"] == metrics["roc_auc_low"]


def test_the_reports_say_target_and_use_of_each_part(report):
    files = texts(records.detector_items(report))
    assert " the 5 % target" in files["reports/test.txt"]
    assert "threshold set by the rule fpr: " in files["reports/test.txt"]
    assert "the detector was fitted to them" in files["reports/train.txt"]


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
    other = replace(benign_report, detector="one_class_svm", scores_file=report.scores_file)
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


@pytest.mark.parametrize("promote", [True, False])
def test_a_promotion_keeps_its_reason(promote):
    decision = PromotionDecision(promote=promote, reason="because", checks=())
    items = list(records.promotion_items(decision, "5"))
    assert merged(Tags, items) == {
        "promotion": "promoted" if promote else "not asked",
        "promotion_reason": "because",
        "version": "5",
    }
    assert json.loads(texts(items)["promotion.json"])["promote"] is promote


def test_json_for_people_is_in_order_and_takes_dates():
    text = records.as_json({"b": pd.Timestamp("2026-03-02"), "a": 1})
    assert json.loads(text) == {"a": 1, "b": "2026-03-02 00:00:00"}
    assert text.index('"a"') < text.index('"b"')

"""What ``oddwire train`` asks of the flow, and what it prints below the table."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from oddwire.cli.train import show
from oddwire.operations.training.results import TrainingResult
from oddwire.project import Project

ROW = {
    "detector": "one_class_svm", "validation": 0.9123, "criterion": "family_roc_auc",
    "roc_auc": 0.9, "average_precision": 0.8, "f1": 0.7, "recall_at_fpr_0.01": 0.6,
    "false_positive_rate": 0.0275, "fit_seconds": 1.0, "rows_per_second": 1000.0,
    "alert_p_value": 0.008, "target": {"share_of_rows": 0.01}, "target_verdict": "kept",
    "target_sentence": "2.75 % of benign rows exceed the target of 1 %",
}  # fmt: skip


def result(*rows, **more):
    return TrainingResult(
        "desk", "abc123", rows, "2", "one_class_svm", promoted=True, reason="Promoted: first.",
        **more,
    )  # fmt: skip


@pytest.fixture
def printed(tmp_path, capsys):
    def show_it(*rows, **more):
        show(Project(tmp_path), result(*rows, **more))
        return " ".join(capsys.readouterr().out.split())

    return show_it


@pytest.fixture
def asked(monkeypatch):
    """What the flow was asked for; nothing is trained."""
    calls = []
    monkeypatch.setattr("oddwire.cli.train.session", lambda *_, **__: nullcontext())
    monkeypatch.setattr(
        "flows.training.train", lambda **options: calls.append(options) or result(ROW)
    )
    return calls


def test_options_reach_the_flow_and_the_others_come_from_params(oddwire, project, asked):
    ended = oddwire("train", "simulated", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json["leaderboard"] == [ROW]
    assert ended.json["supervised_baselines"] == []
    oddwire(
        "train", "simulated", "--trials", 0, "--detectors", "kmeans", "--no-promote",
        "--supervised-baselines",
    )  # fmt: skip
    default = ["isolation_forest", "one_class_svm", "autoencoder"]
    assert asked == [
        {
            "source": "simulated", "trials": 2, "detectors": default, "promote": True,
            "supervised_baselines": False, "since": "", "until": "",
        },
        {
            "source": "simulated", "trials": 0, "detectors": ["kmeans"], "promote": False,
            "supervised_baselines": True, "since": "", "until": "",
        },
    ]  # fmt: skip


def test_what_the_best_was_chosen_by_and_where_to_look_are_told(printed):
    text = printed(ROW, choice="one_class_svm was chosen by mean recall.", link="http://x/#/runs/1")
    assert "one_class_svm was chosen by mean recall." in text
    assert "MLflow run http://x/#/runs/1" in text


def test_shared_rows_are_told_below_the_table(printed):
    sentence = "40 of 90 test rows (44.4 %) also occur before the test part"
    assert f"Shared rows: {sentence}" in printed(ROW, shared_rows=sentence)
    assert "Shared rows" not in printed(ROW)


def test_columns_that_may_leak_are_told_with_the_line_to_paste(printed, tmp_path, capsys):
    names = ["Flow ID", *(f"a rather long name of column {n}" for n in range(9))]
    line = f"drop: [{', '.join(names)}]"
    show(Project(tmp_path), result(ROW, drop_line=line))
    text = capsys.readouterr().out
    assert "look like identifiers or give the label away; to leave them out:" in text
    assert f"  {line}\n" in text  # whole, on a line of its own
    assert "identifiers" not in printed(ROW)


def test_false_alarms_are_compared_with_the_target_where_there_is_one(printed):
    assert "Test rows: 2.75 % of benign rows exceed the target of 1 %" in printed(ROW)
    assert "Test rows" not in printed({**ROW, "target_verdict": None, "target_sentence": ""})


def test_what_a_target_cannot_promise_and_noisy_sources_are_told(printed):
    notes = [
        "27 calibration units cannot promise 1 %",
        "noisiest benign sources: [b]10.0.0.9\x1b[2J",
    ]
    text = printed({**ROW, "threshold_notes": notes})
    assert "Threshold: 27 calibration units cannot promise 1 %" in text
    assert "Threshold: noisiest benign sources: [b]10.0.0.9\N{REPLACEMENT CHARACTER}[2J" in text
    assert "Threshold" not in printed(ROW)


def test_detectors_that_failed_and_what_labels_add_are_told(printed):
    text = printed(
        ROW, failed={"kmeans": "DataError: [b]no"}, supervised_baselines=("forest: 0.9",)
    )
    assert "Left out: kmeans, which failed: DataError: [b]no" in text
    assert "- forest: 0.9" in text

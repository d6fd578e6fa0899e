"""What is said below the table of a training: who was chosen, and whether the promise held."""

from __future__ import annotations

import pytest

from oddwire.cli.train import show
from oddwire.operations.training.results import TrainingResult
from oddwire.project import Project

ROW = {
    "detector": "one_class_svm", "validation": 0.9123, "criterion": "family_roc_auc",
    "roc_auc": 0.9, "average_precision": 0.8, "f1": 0.7, "recall_at_fpr_0.01": 0.6,
    "false_positive_rate": 0.0275, "fit_seconds": 1.0, "rows_per_second": 1000.0,
    "alert_p_value": 0.008, "target_fpr": 0.01, "target_verdict": "kept",
}  # fmt: skip


@pytest.fixture
def told(tmp_path, capsys):
    def show_it(*rows):
        result = TrainingResult(
            "desk", "abc123", rows, "2", "one_class_svm", promoted=True, reason="Promoted: first."
        )
        show(Project(tmp_path), result)
        return " ".join(capsys.readouterr().out.split())

    return show_it


def test_the_challenger_and_what_it_was_chosen_by_are_named(told):
    text = told({**ROW, "detector": "isolation_forest", "validation": 0.8}, ROW)
    assert (
        "one_class_svm is the challenger, the best by a value on validation rows of 0.9123"
        " (mean ROC AUC over attack families)"
    ) in text
    assert "the challenger, with a value on validation rows of 0.9123" in told(ROW)


@pytest.mark.parametrize("promise", ["above", "kept", "below", None])
def test_more_alerts_on_benign_rows_than_chance_explains_are_told(told, promise):
    text = told({**ROW, "target_verdict": promise})
    assert ("2.75%, are more than the 1.00% target" in text) == (promise == "above")


def test_figures_that_are_missing_for_one_reason_share_a_line(told):
    missing = {"f1": None, "roc_auc": None, "undefined": {"f1": "no label", "roc_auc": "no label"}}
    assert "- f1, roc_auc: no label" in told({**ROW, **missing})

"""What a study and its trials show in MLflow."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from items import merged, of, texts

from oddwire.operations.search import records
from oddwire.operations.search.plans import StudyResult, TrialRecord
from oddwire.operations.tracking.items import Figure, Metrics, Parameters, Tags

GOOD = TrialRecord(0, "complete", 0.8, {"detector__n_estimators": 10}, 1.5, 0.4)
PRUNED = TrialRecord(1, "pruned", None, {"detector__n_estimators": 20}, 0.5)
BAD = TrialRecord(2, "failed", None, {"detector__n_estimators": -1}, 0.1, None, "ValueError: -1")
STUDY = StudyResult(
    "desk/isolation_forest/x/1", "isolation_forest", "family_roc_auc", 0.8, GOOD.parameters,
    (GOOD, PRUNED, BAD), 1,
)  # fmt: skip


def test_a_trial_shows_parameters_value_and_state():
    items = list(records.trial_items(GOOD, "family_roc_auc"))
    assert merged(Parameters, items) == {"detector__n_estimators": 10}
    assert merged(Metrics, items) == {
        "family_roc_auc": 0.8, "average_precision": 0.4, "seconds": 1.5,
    }  # fmt: skip
    assert merged(Tags, items) == {"trial_state": "complete"}


def test_a_trial_is_named_by_its_number_and_its_value():
    assert records.trial_name(GOOD) == "trial 000 0.8000"
    assert records.trial_name(replace(GOOD, number=7, state="pruned")) == "trial 007 0.8000 pruned"
    assert records.trial_name(BAD).endswith(" failed")


def test_what_was_searched_by_is_a_trial_s_first_metric():
    """MLflow's page compares runs by the first metric that they share."""
    assert next(iter(merged(Metrics, records.trial_items(GOOD, "family_roc_auc")))) == (
        "family_roc_auc"
    )


def test_a_failed_trial_says_why_and_has_no_value():
    items = list(records.trial_items(BAD, "family_roc_auc"))
    assert merged(Tags, items) == {"trial_state": "failed", "error": "ValueError: -1"}
    assert merged(Metrics, items)["family_roc_auc"] is None


def test_a_study_counts_its_trials_and_draws_its_history():
    items = list(records.study_items(STUDY))
    assert merged(Parameters, items) == {"detector": STUDY.detector, **GOOD.parameters}
    assert merged(Metrics, records.found_items(STUDY)) == {"validation_family_roc_auc": 0.8}
    assert json.loads(texts(items)["search.json"]) == {
        "trials": {"complete": 1, "pruned": 1, "failed": 1},
        "resumed": 1,
        "seconds": pytest.approx(2.1),
    }
    assert merged(Tags, items)["criterion"] == "family_roc_auc"
    assert [item.file for item in of(Figure, items)] == ["plots/optimisation_history.png"]


def test_defaults_without_a_search_draw_no_history():
    study = replace(STUDY, value=None, trials=(), resumed_trials=0, name="defaults")
    items = list(records.study_items(study))
    assert of(Figure, items) == []
    assert merged(Metrics, records.found_items(study))["validation_family_roc_auc"] is None
    assert merged(Parameters, items).items() >= GOOD.parameters.items()

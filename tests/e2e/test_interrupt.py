"""Ctrl-C ends a training in order: its studies end first, and the next training goes on."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from command_line import environment, wait_until
from filelock import FileLock
from journals import finished_trials
from small_projects import SMALL_PARAMS, make_project

from oddwire.operations.tracking.store import Tracking

pytestmark = pytest.mark.slow
TRIALS = 40
PARAMS = {
    **SMALL_PARAMS,
    "sources": {
        "simulated": {"format": "simulated", "seed": 7, "days": 2, "connections_per_day": 12_000}
    },
}


def test_an_interrupted_training_leaves_nothing_running(tmp_path, prefect_server):
    project = make_project(tmp_path / "project", PARAMS)
    env = environment(tmp_path / "prefect", PREFECT_API_URL=prefect_server)
    journal = project.studies / "simulated.isolation_forest.journal"
    # Where tests run in a shell's background, the shell has told its children to ignore Ctrl-C.
    listens = "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command = [
        sys.executable, "-c", listens + "runpy.run_module('oddwire.cli', run_name='__main__')",
        "train", "simulated", "--detectors", "isolation_forest,one_class_svm",
        "--trials", str(TRIALS),
    ]  # fmt: skip
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(
            command, cwd=project.root, env=env, stdout=log, stderr=log, text=True
        )
        try:
            wait_until(
                lambda: process.poll() is not None or finished_trials(journal) >= 2, 180, "trials"
            )
            process.send_signal(signal.SIGINT)
            process.wait(60)
        finally:
            process.kill()
        log.seek(0)
        said = log.read()
    assert process.returncode not in {0, -signal.SIGKILL}, said
    assert "Traceback" not in said
    done = finished_trials(journal)
    assert 2 <= done < TRIALS
    with FileLock(project.locks / "train-simulated.lock", timeout=1):
        tracking = Tracking.connect(project)
        experiment = tracking.experiment("simulated")
        assert not tracking._runs(experiment, "attributes.status = 'RUNNING'")
        (run,) = tracking._runs(experiment, "tags.kind = 'training'")
    assert run.info.status == "FAILED"

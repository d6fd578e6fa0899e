"""A store that is lost is waited for, but not for ever, and an outage is told once."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
import time

import pytest
import requests

from oddwire.errors import ParameterError, ServiceError
from oddwire.operations.tracking import client as store_client
from oddwire.operations.tracking.client import patiently
from oddwire.operations.tracking.items import Metrics, Text
from oddwire.operations.tracking.outage import Outage
from oddwire.operations.tracking.repeats import made_already
from oddwire.service_timeout import TIMEOUT_VARIABLE, service_timeout

HOST = "127.0.0.1"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setenv(TIMEOUT_VARIABLE, "2")


@pytest.fixture
def closed_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        yield probe.getsockname()[1]  # bound but not listening: nobody else gets it


def test_a_server_that_is_gone_is_given_up_in_time(closed_port):
    begun = time.monotonic()
    with pytest.raises(ServiceError, match="refused"):
        store_client.patiently(
            lambda: requests.get(f"http://{HOST}:{closed_port}", timeout=1), "http://it"
        )
    assert time.monotonic() - begun < 2


def test_a_server_that_comes_back_in_time_is_no_outage(closed_port):
    tries = []

    def call():
        tries.append(time.monotonic())
        if len(tries) < 3:
            requests.get(f"http://{HOST}:{closed_port}", timeout=1)
        return "answered"

    assert store_client.patiently(call, "http://it") == "answered"
    assert len(tries) == 3


def test_what_a_lost_answer_was_about_is_not_made_twice(closed_port):
    made = []

    def call():
        made.append("a run")
        requests.get(f"http://{HOST}:{closed_port}", timeout=1)

    found = store_client.patiently(call, "http://it", made=lambda: made[0] if made else None)
    assert (found, made) == ("a run", ["a run"])


def test_a_run_and_a_table_that_are_there_are_found_again(tracking):
    experiment = tracking.experiment("desk")
    named = {"start_time": 1_700_000_000_123, "run_name": "one", "tags": {"kind": "training"}}
    assert made_already(tracking.client, "create_run", (experiment,), named) is None
    run = tracking.client.create_run(experiment, **named)
    found = made_already(tracking.client, "create_run", (experiment,), named)
    assert found.info.run_id == run.info.run_id
    other = {**named, "run_name": "two"}
    assert made_already(tracking.client, "create_run", (experiment,), other) is None
    table = (run.info.run_id, None, "a/table.json")
    assert made_already(tracking.client, "log_table", table, {}) is None
    tracking.log(run.info.run_id, [Text("a/table.json", "{}")])
    assert made_already(tracking.client, "log_table", table, {})


def test_a_full_disk_is_not_waited_for():
    tries = []

    def call():
        tries.append(1)
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/artifacts")

    with pytest.raises(
        ServiceError, match=r"failed: /somewhere/artifacts: No space left"
    ) as raised:
        store_client.patiently(call, "sqlite:///x.db")
    assert tries == [1]
    assert "\n" not in str(raised.value)


def lose(tracking, bare):
    """Replace the database by what is none, as SQLite finds at its next call."""
    (bare.mlruns / "mlflow.db").write_bytes(b"this is no database" * 100)


def test_who_can_do_without_a_store_goes_on_and_knows_why(tracking, bare):
    outage = Outage()
    lenient = tracking.lenient(outage)
    with lenient.run("desk", "one", kind="training") as run:
        assert outage.error is None
        lose(tracking, bare)
        lenient.log(run, [Metrics({"roc_auc": 0.5})])
        lenient.rename(run, "two")
        assert lenient.begin("desk", "three", kind="trial") == ""
    with pytest.raises(ServiceError, match="not a database"):
        outage.raise_if_lost()


def test_who_needs_a_store_has_the_error_that_came_first(tracking, bare):
    def work():
        with tracking.run("desk", "one", kind="training"):
            lose(tracking, bare)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()


def test_runs_of_this_process_whose_end_was_lost_are_ended_by_the_next_training(tracking):
    training = tracking.begin("desk", "lost", kind="training")
    check = tracking.begin("desk", "under way", kind="drift")
    assert tracking.end_orphans("desk", mine=("training",)) == 1
    states = {run: tracking.client.get_run(run).info.status for run in (training, check)}
    assert states == {training: "KILLED", check: "RUNNING"}


@pytest.mark.parametrize("value", ["0", "soon", "-1", "nan", "1e9"])
def test_a_time_to_wait_that_is_none_is_refused(monkeypatch, value):
    monkeypatch.setenv(TIMEOUT_VARIABLE, value)
    with pytest.raises(ParameterError, match=rf"{TIMEOUT_VARIABLE} must be seconds from 1 to"):
        service_timeout()


def test_a_minute_is_waited_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv(TIMEOUT_VARIABLE)
    assert service_timeout() == 60


def test_a_store_that_can_only_be_read_is_read_without_a_lock(tracking, bare):
    """In a mount of its own, since a read-only file stops nobody who is root."""
    script = (
        f"mount --bind {bare.root} {bare.root} && mount -o remount,ro,bind {bare.root} && "
        f'ls {bare.root} >/dev/null && exec {sys.executable} -c "$0"'
    )
    code = (
        "from pathlib import Path; from oddwire.project import Project\n"
        "from oddwire.errors import ServiceError\n"
        "from oddwire.operations.tracking.store import Tracking\n"
        f"tracking = Tracking.connect(Project(Path({str(bare.root)!r})))\n"
        "print([run.info.run_name for run in tracking.finished_trainings('desk', 5)])\n"
        "try: tracking.begin('desk', 'two', kind='training')\n"
        "except ServiceError as error: print(error)\n"
        "print(len(tracking.finished_trainings('desk', 5)))"
    )
    with tracking.run("desk", "one", kind="training"):
        pass
    done = in_mounts(script, code)
    assert done.returncode == 0, done.stderr
    first, told, last = done.stdout.splitlines()
    assert first == "['one']"
    assert told.endswith("mlflow.db failed: attempt to write a readonly database")
    assert last == "1", "it can still be read"
    assert "Traceback" not in done.stderr


def in_mounts(script, code):
    """Run a script among mounts of its own; skip where nobody may mount."""
    may = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if may.returncode != 0:
        pytest.skip("no rights to mount")
    return subprocess.run(
        ["unshare", "-m", "bash", "-c", script, code], capture_output=True, text=True, check=False
    )


def in_other_words():
    from mlflow.exceptions import MlflowException

    lost = MlflowException("API request failed with exception Connection reset by peer")
    error = MlflowException.invalid_parameter_value("Failed to get logged model with ID m-1.")
    error.__cause__ = lost
    return error


def in_part():
    from mlflow.exceptions import MlflowException

    told = "Missing value for required parameter 'experiment_id'."
    return MlflowException.invalid_parameter_value(told)


def of_a_cut_answer():
    from mlflow.exceptions import MlflowException

    told = "Invalid experiment ID ''. Experiment ID must be a valid integer."
    return MlflowException.invalid_parameter_value(told)


def of_a_model_in_a_cut_answer():
    from mlflow.exceptions import MlflowException

    told = "`model_id` must be a non-empty string, but got ''"
    return MlflowException.invalid_parameter_value(told)


@pytest.mark.parametrize(
    "fault", [in_other_words, in_part, of_a_cut_answer, of_a_model_in_a_cut_answer]
)
def test_an_outage_that_mlflow_tells_in_its_own_words_is_waited_for(fault):
    """Seen behind a proxy that loses answers, and cuts requests off."""
    error, tries = fault(), []  # made before the time runs: it imports MLflow

    def asked():
        tries.append(1)
        if len(tries) == 1:
            raise error
        return "answer"

    assert patiently(asked, "http://127.0.0.1:5000") == "answer"

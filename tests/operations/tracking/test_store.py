"""Runs in a real MLflow store; a store that is not there is told within seconds."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs

import pandas as pd
import psutil
import pytest
from matplotlib.figure import Figure as Picture
from stubs import RecordedProgress

from oddwire.cli.servers.processes import HOST, free_port, start_mlflow
from oddwire.errors import DataError, NoModelError, OddwireError, ParameterError, ServiceError
from oddwire.operations.progress import watched_by
from oddwire.operations.tracking.addresses import URI_VARIABLE, local_uri
from oddwire.operations.tracking.items import (
    DatasetInput,
    Figure,
    Metrics,
    Parameters,
    Table,
    Tags,
    Text,
)
from oddwire.operations.tracking.links import PAGE_VARIABLE
from oddwire.operations.tracking.store import NOTE, Tracking, dated
from oddwire.project import Project

SECRET = "pass-word-1"  # noqa: S105 - it opens nothing


def connect_to(uri, project, monkeypatch):
    monkeypatch.setenv(URI_VARIABLE, uri)
    return Tracking.connect(project)


def pictured():
    figure = Picture()
    figure.subplots().plot([0, 1])
    return figure


ITEMS = [
    Metrics({"roc_auc": 0.9, "f1": None}),
    Parameters({"trials": 2, "source.days": "3"}),
    Tags({"drifted": "no"}),
    Text("lineage/git.diff", "nothing\n"),
    Table("columns.json", pd.DataFrame({"column": ["src_bytes"], "share": [0.25]})),
]


def test_without_an_address_the_store_lies_in_the_project(tracking, bare):
    assert tracking.uri == local_uri(bare)
    assert tracking.artifacts == bare.mlruns / "artifacts"
    with tracking.run("desk", "a name", kind="training", colour="red") as run:
        tracking.log(run, [Text("note.txt", "kept")])
    kept = tracking.client.get_run(run)
    assert kept.info.status == "FINISHED"
    assert kept.info.run_name == "a name"
    assert (kept.data.tags["kind"], kept.data.tags["colour"]) == ("training", "red")
    files = list(bare.mlruns.rglob("note.txt"))
    assert [file.read_text() for file in files] == ["kept"]
    assert files[0].is_relative_to(bare.mlruns / "artifacts" / "desk")


def test_items_are_kept_with_the_run_and_read_back(tracking, tmp_path):
    with tracking.run("desk", "one", kind="training") as run:
        tracking.log(run, [*ITEMS, Figure("plots/line.png", pictured)])
    data = tracking.client.get_run(run).data
    assert data.metrics == {"roc_auc": 0.9}
    assert data.params == {"trials": "2", "source.days": "3"}
    assert data.tags["drifted"] == "no"
    table = tracking.read_json(run, "columns.json")
    assert table == {"columns": ["column", "share"], "data": [["src_bytes", 0.25]]}
    folder = tracking.download(run, "plots", tmp_path / "not yet" / "there")
    assert (folder / "line.png").read_bytes().startswith(b"\x89PNG")
    assert tracking.download(run, "lineage/git.diff", tmp_path).read_text() == "nothing\n"


def test_a_file_of_a_run_that_is_cut_or_gone_is_one_line(tracking):
    with tracking.run("office", "first", kind="training") as run:
        tracking.log(run, [Text("rows.json", "[1]")])
    file = Path(tracking.place(run, "rows.json"))
    file.write_text("[1")
    with pytest.raises(DataError, match=rf"rows\.json of run {run} in MLflow is gone or damaged"):
        tracking.read_json(run, "rows.json")
    file.unlink()
    with pytest.raises(DataError, match="is gone or damaged"):
        tracking.read_json(run, "rows.json")


def test_a_picture_that_cannot_be_drawn_is_kept_as_its_reason_and_told(tracking, tmp_path):
    watcher = RecordedProgress()
    with watched_by(watcher), tracking.run("desk", "one", kind="training") as run:
        tracking.log(run, [Figure("plots/a.png", lambda: 1 / 0), Text("after.txt", "kept")])
    reason = "could not be drawn: ZeroDivisionError: division by zero"
    assert watcher.remarks == [f"the picture plots/a.png {reason}"]
    folder = tracking.download(run, "plots", tmp_path)
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
    assert tracking.has_file(run, "after.txt")


@pytest.mark.parametrize("name", ["a?b", "a%20b"])
def test_a_folder_that_mlflow_would_take_for_another_one_is_refused(tmp_path, name):
    project = Project(tmp_path / name)
    project.root.mkdir()
    with pytest.raises(ParameterError, match="MLflow cannot keep its store below a folder"):
        Tracking.connect(project)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_single_quote_in_the_working_folder_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "it's"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(ParameterError, match="a single quote in its name"):
        Tracking.connect(Project(tmp_path))


def test_rows_that_went_in_are_datasets_of_the_run(tracking):
    digest = f"{'0' * 32}.dir and more than MLflow takes"
    place, columns = "data/prepared/desk", {"sent": "double"}
    with tracking.run("desk", "one", kind="training") as run:
        tracking.log(run, [
            DatasetInput("desk", digest, "training", place, 50, columns),
            DatasetInput("desk test rows", digest, "test", place, 20, columns),
        ])  # fmt: skip
    kept = {
        each.dataset.name: each
        for each in tracking.client.get_run(run).inputs.dataset_inputs
    }  # fmt: skip
    assert {name: each.tags[0].value for name, each in kept.items()} == {
        "desk": "training", "desk test rows": "test",
    }  # fmt: skip
    dataset = kept["desk"].dataset
    assert dataset.digest == digest[:36]
    assert json.loads(dataset.source) == {"uri": place}
    assert json.loads(dataset.profile)["num_rows"] == 50
    assert json.loads(dataset.schema)["mlflow_colspec"] == [{"name": "sent", "type": "double"}]


def test_an_experiment_is_described_by_ready_filters_and_a_person_s_words_stay(tracking):
    experiment = tracking.experiment("desk")
    with tracking.run("desk", "one", kind="training"), tracking.run("desk", "two", kind="drift"):
        pass
    note = tracking.client.get_experiment(experiment).tags[NOTE]
    assert f"(#/experiments/{experiment}/runs?searchFilter=" in note.splitlines()[0]
    for what, names in (("training", ["one"]), ("drift", ["two"]), ("study", [])):
        where = f'tags.kind = "{what}"'
        assert f"`{where}`" in note
        assert [run.info.run_name for run in tracking._runs(experiment, where)] == names
    tracking.client.set_experiment_tag(experiment, NOTE, "mine")
    tracking.experiment("desk")
    assert tracking.client.get_experiment(experiment).tags[NOTE] == "mine"


def test_a_run_is_renamed_and_linked(tracking, monkeypatch):
    monkeypatch.setenv(PAGE_VARIABLE, "http://127.0.0.1:5001")
    with tracking.run("desk", "training", kind="training") as run:
        tracking.rename(run, dated("kmeans 0.70 mean recall · v4 kept champion"))
    name = tracking.client.get_run(run).info.run_name
    assert re.fullmatch(
        r"kmeans 0\.70 mean recall · v4 kept champion · \d\d-\d\d \d\d:\d\d:\d\d", name
    )
    runs = f"http://127.0.0.1:5001/#/experiments/{tracking.experiment('desk')}/runs"
    assert tracking.runs_link("desk").startswith(f"{runs}?")
    assert tracking.run_link(run).startswith(f"{runs}/{run}?")
    with tracking.run("other", "training", kind="training") as other:
        pass
    query = parse_qs(tracking.compare_link([run, other]).partition("?")[2])
    assert json.loads(query["runs"][0]) == [run, other]
    assert json.loads(query["experiments"][0]) == [
        tracking.experiment("desk"), tracking.experiment("other"),
    ]  # fmt: skip


def test_a_part_names_the_finished_training_that_it_belongs_to(tracking):
    with tracking.run("desk", "training", kind="training") as training:
        study = tracking.begin("desk", "study", kind="study", parent=training)
        assert tracking.parent_of(study) is None, "the training is not finished yet"
    assert tracking.parent_of(study) == training
    assert tracking.parent_of(training) is None
    assert tracking.parent_of("gone") is None


def test_a_metric_that_is_no_finite_number_is_left_out(tracking):
    with tracking.run("desk", "one", kind="training") as run:
        odd = {"nan": float("nan"), "inf": float("inf"), "low": -float("inf"), "none": None}
        tracking.log(run, [Metrics({**odd, "good": 1})])
    assert tracking.client.get_run(run).data.metrics == {"good": 1.0}


def test_more_parameters_than_one_batch_and_longer_ones_than_mlflow_takes(tracking):
    many = {f"p{at}": at for at in range(250)} | {"long": "x" * 10_000}
    with tracking.run("desk", "one", kind="training") as run:
        tracking.log(run, [Parameters(many)])
    kept = tracking.client.get_run(run).data.params
    assert len(kept) == 251
    assert kept["p249"] == "249"
    assert kept["long"] == "x" * 6000


def test_a_folder_is_kept_below_its_name(tracking, tmp_path):
    (tmp_path / "made" / "deep").mkdir(parents=True)
    (tmp_path / "made" / "deep" / "file.json").write_text("[1]")
    with tracking.run("desk", "one", kind="training") as run:
        tracking.log_folder(run, tmp_path / "made", under="exploration")
    assert tracking.read_json(run, "exploration/deep/file.json") == [1]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_run_that_an_error_passes_through_has_failed(tracking, error):
    def fail():
        with tracking.run("desk", "one", kind="training"):
            raise error

    with pytest.raises(error):
        fail()
    (run,) = tracking._runs(tracking.experiment("desk"), "")
    assert run.info.status == "FAILED"


def test_children_come_back_oldest_first_and_those_of_others_not_at_all(tracking):
    with tracking.run("desk", "training", kind="training") as parent:
        made = []
        for number in range(3):
            with tracking.run("desk", f"trial {number}", kind="trial", parent=parent):
                made.append(f"trial {number}")
                time.sleep(0.005)  # MLflow's clock has steps of a millisecond
    with (
        tracking.run("desk", "other", kind="training") as other,
        tracking.run("desk", "not mine", kind="trial", parent=other),
    ):
        pass
    children = tracking.children(tracking.client.get_run(parent))
    assert [run.info.run_name for run in children] == made


def test_the_newest_training_is_the_newest_that_finished(tracking):
    for name in ("first", "second"):
        with tracking.run("desk", name, kind="training"):
            time.sleep(0.005)
    with tracking.run("desk", "a check", kind="drift"):
        pass
    tracking.end(tracking.begin("desk", "broken", kind="training"), status="FAILED")
    tracking.begin("desk", "under way", kind="training")
    with tracking.run("another", "of another source", kind="training"):
        pass
    assert tracking.newest_training("desk").info.run_name == "second"


def test_no_training_yet_says_what_to_run(tracking):
    with pytest.raises(NoModelError, match="no finished training of source 'desk': run `oddwire"):
        tracking.newest_training("desk")
    tracking.end(tracking.begin("desk", "broken", kind="training"), status="FAILED")
    with pytest.raises(NoModelError, match="no finished training"):
        tracking.newest_training("desk")


def test_a_deleted_experiment_is_told(tracking):
    tracking.client.delete_experiment(tracking.experiment("desk"))
    with pytest.raises(OddwireError, match="the MLflow experiment 'desk' is deleted: restore it"):
        tracking.begin("desk", "one", kind="training")


def test_threads_that_make_an_experiment_at_once_get_the_same(tracking):
    found = []
    start = threading.Barrier(4)

    def ask():
        start.wait()
        found.append(tracking.experiment("desk"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def owned_by(tracking, owner):
    run = tracking.begin("desk", owner, kind="training")
    tracking.client.set_tag(run, "owner", owner)
    return run


def status(tracking, run):
    return tracking.client.get_run(run).info.status


def test_runs_of_dead_processes_are_ended_and_those_of_living_ones_left(tracking):
    host = socket.gethostname()
    with subprocess.Popen(["sleep", "60"]) as short, subprocess.Popen(["sleep", "60"]) as living:
        born = {child: psutil.Process(child.pid).create_time() for child in (short, living)}
        short.kill()
        short.wait()
        gone = owned_by(tracking, f"{host} {short.pid} {born[short]:.0f}")
        reused = owned_by(tracking, f"{host} {living.pid} {born[living] - 5000:.0f}")
        alive = owned_by(tracking, f"{host} {living.pid} {born[living]:.0f}")
        elsewhere = owned_by(tracking, f"another-{host} {short.pid} {born[short]:.0f}")
        nobody = owned_by(tracking, "who knows")
        mine = tracking.begin("desk", "mine", kind="training")
        ended = tracking.end_orphans("desk")
        living.kill()
    assert ended == 2
    assert {status(tracking, run) for run in (gone, reused)} == {"KILLED"}
    assert {status(tracking, run) for run in (alive, mine, elsewhere, nobody)} == {"RUNNING"}
    assert tracking.end_orphans("desk") == 1, "the other process has ended by now"
    assert status(tracking, alive) == "KILLED"


@pytest.mark.slow
def test_a_real_server_keeps_runs_artifacts_and_children(bare, monkeypatch, tmp_path):
    port = free_port()
    server = start_mlflow(bare, port, local_uri(bare))
    try:
        server.wait_until(f"http://{HOST}:{port}/health")
        tracking = connect_to(f"http://{HOST}:{port}/", bare, monkeypatch)
        assert tracking.artifacts is None
        with tracking.run("desk", "parent", kind="training") as parent:
            tracking.log(parent, ITEMS)
            with tracking.run("desk", "child", kind="study", parent=parent):
                pass
        found = tracking.newest_training("desk")
        assert found.info.run_id == parent
        assert found.data.metrics == {"roc_auc": 0.9}
        assert [run.info.run_name for run in tracking.children(found)] == ["child"]
        assert tracking.read_json(parent, "columns.json")["data"] == [["src_bytes", 0.25]]
        assert tracking.download(parent, "lineage/git.diff", tmp_path).read_text() == "nothing\n"
    finally:
        server.end()
    begun = time.monotonic()
    with pytest.raises(ServiceError, match="does not answer"):
        Tracking.connect(bare)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("scheme", ["http", "https", "postgresql", "mysql+pymysql"])
def test_a_server_that_does_not_answer_is_told_at_once(bare, monkeypatch, scheme):
    uri = f"{scheme}://joe:{SECRET}@{HOST}:{free_port()}/x"
    begun = time.monotonic()
    with pytest.raises(ServiceError, match=r"does not answer: .*refused") as raised:
        connect_to(uri, bare, monkeypatch)
    assert time.monotonic() - begun < 5
    assert URI_VARIABLE in str(raised.value)


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up(bare, monkeypatch):
    monkeypatch.setattr("oddwire.operations.tracking.addresses._SECONDS_TO_ANSWER", 0.3)
    with socket.create_server((HOST, 0)) as mute:
        uri = f"http://{HOST}:{mute.getsockname()[1]}"
        with pytest.raises(ServiceError, match="does not answer: timed out"):
            connect_to(uri, bare, monkeypatch)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not answer: SSH-2.0"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "does not answer: HTTP Error 503"),
    ],
)
def test_a_server_that_is_no_mlflow_or_is_not_ready_is_told(bare, monkeypatch, answer, says):
    with socket.create_server((HOST, 0)) as server:

        def reply():
            call, _ = server.accept()
            with call:
                call.recv(4096)
                call.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(ServiceError, match=says):
            connect_to(f"http://{HOST}:{server.getsockname()[1]}", bare, monkeypatch)
        thread.join()


@pytest.mark.parametrize(
    "uri",
    [
        f"http://joe:{SECRET}@{HOST}:1",
        f"postgresql://joe:{SECRET}@{HOST}:1/mlflow",
        f"nonsense://joe:{SECRET}@{HOST}/mlflow",
    ],
)
def test_a_password_stands_in_no_error_and_the_rest_of_the_address_does(bare, monkeypatch, uri):
    with pytest.raises(ServiceError) as raised:
        connect_to(uri, bare, monkeypatch)
    assert SECRET not in str(raised.value)
    assert uri.replace(f"joe:{SECRET}", "***") in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("uri", ["mlruns", "./old/mlruns", "file:///srv/ml%20runs"])
def test_a_folder_as_a_store_is_refused_with_the_command_that_moves_it(bare, monkeypatch, uri):
    with pytest.raises(ParameterError, match=r"takes no folder") as raised:
        connect_to(uri, bare, monkeypatch)
    folder = "/srv/ml runs" if uri.startswith("file") else uri
    assert f"mlflow migrate-filestore --source {folder} " in str(raised.value)


def test_a_store_that_breaks_while_it_is_used_is_an_outage_and_an_unknown_run_is_not(bare):
    from mlflow.exceptions import MlflowException

    tracking = Tracking.connect(bare)
    with pytest.raises(MlflowException, match="not found"):
        tracking.client.get_run("0" * 32)
    (bare.mlruns / "mlflow.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(ServiceError, match=r"mlflow\.db failed: "):
        tracking.begin("desk", "one", kind="training")


def test_an_address_that_is_none_is_refused(bare, monkeypatch):
    with pytest.raises(ParameterError, match=r"is no address, got http://\*\*\*:"):
        connect_to("http://[::1", bare, monkeypatch)


def test_another_database_file_may_be_the_store(bare, tmp_path, monkeypatch):
    other = tmp_path / "elsewhere.db"
    other.write_bytes((bare.mlruns / "mlflow.db").read_bytes())
    tracking = connect_to(f"sqlite:///{other}", bare, monkeypatch)
    assert tracking.artifacts is None
    monkeypatch.chdir(tmp_path)
    with tracking.run("desk", "one", kind="training") as run:
        pass
    assert status(tracking, run) == "FINISHED"


def test_connecting_makes_the_store_and_a_lock_alone_and_asks_for_no_telemetry(empty_store):
    root = empty_store.parent.parent
    made = {file.relative_to(root).parts[:2] for file in root.rglob("*") if file.is_file()}
    assert made == {("mlruns", "mlflow.db"), ("data", "locks")}
    assert Tracking.connect(Project(root)).client.search_experiments()[0].name == "Default"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


ODD = os.fsdecode(b"to\x1b[31mday\xff.csv")
CLEAN = "to\N{REPLACEMENT CHARACTER}[31mday\N{REPLACEMENT CHARACTER}.csv"


def test_names_that_are_not_ours_are_kept_without_escape_codes(tracking):
    with tracking.run("desk", ODD, kind="drift", current=ODD, flow_run=ODD) as run:
        tracking.log(run, [Tags({"file": ODD, "note": "two\nlines"}), Parameters({"train": ODD})])
    kept = tracking.client.get_run(run)
    assert kept.info.run_name == CLEAN
    assert {kept.data.tags[key] for key in ("current", "flow_run", "file")} == {CLEAN}
    assert kept.data.tags["note"] == "two\nlines"
    assert kept.data.params["train"] == CLEAN
    tracking.rename(run, f"DRIFT {ODD}")
    assert tracking.client.get_run(run).info.run_name == f"DRIFT {CLEAN}"


@pytest.mark.parametrize("damage", ["none of SQLite's", "cut"])
def test_a_damaged_database_is_named_with_what_to_do_and_never_moved(bare, damage):
    database = bare.mlruns / "mlflow.db"
    whole = database.read_bytes()
    content = b"garbage" * 1000 if damage != "cut" else whole[: len(whole) // 2]
    database.write_bytes(content)
    with pytest.raises(ServiceError) as raised:
        Tracking.connect(bare).experiment("desk")
    told = str(raised.value)
    assert str(database) in told
    assert "the file is damaged: bring back a copy of it" in told
    assert "\n" not in told
    assert database.read_bytes() == content

"""A user's error is one line that names it, with exit code 2; nothing half-done stays."""

from __future__ import annotations

import copy
import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from small_projects import SMALL_PARAMS, write_params

from oddwire.cli.servers import processes
from oddwire.errors import ServiceError
from oddwire.operations.registry.versions import CHALLENGER, CHAMPION, Registry, model_name
from oddwire.operations.tracking.store import Tracking

SCORE = ["score", "today.csv", "--source", "simulated", "--out", "o.csv"]
OF_A_SOURCE = [["train", "simulated"], ["leaderboard", "simulated"], ["drift", "simulated"], SCORE]


def assert_nothing_half_done(project, source):
    """No version, no champion, no finished run, no folder that a training works in."""
    tracking = Tracking.connect(project)
    name = model_name(source)
    assert not list(tracking.client.search_model_versions(f"name = '{name}'"))
    registry = Registry.of(tracking, project)
    assert registry.version(source, CHAMPION) is None
    assert registry.version(source, CHALLENGER) is None
    assert not registry.ledger.exists()
    found = tracking.client.get_experiment_by_name(source)
    runs = [] if found is None else tracking._runs(found.experiment_id, "")
    assert {run.info.status for run in runs} <= {"FAILED"}
    work = project.root / "data" / "work"
    assert not work.exists() or not list(work.iterdir())
    for folder in (project.ingested(source), project.prepared(source)):
        assert not list(folder.parent.glob(".*")) if folder.parent.exists() else True
    assert not (project.prepared(source) / "train.parquet").exists()


@pytest.mark.slow
def test_training_on_a_bad_file(oddwire, prefect_server, stored):
    rows = [f"{at % 97},{('normal', 'scan')[at % 10 == 0]}" for at in range(400)]
    (stored.root / "mine.csv").write_text("\n".join(["bytes,verdict", *rows, "many,normal"]))
    params = copy.deepcopy(SMALL_PARAMS)
    params["sources"]["mine"] = {"format": "table", "train": "mine.csv", "label": "verdict"}
    write_params(stored.root, params)
    error = oddwire("train", "mine", "--trials", 0, "--detectors", "isolation_forest").error
    for word in ("mine.csv", "line 402", "'bytes'", "'many'"):
        assert word in error, error
    assert_nothing_half_done(stored, "mine")


@pytest.mark.parametrize("command", OF_A_SOURCE, ids=lambda command: command[0])
def test_an_unknown_source(oddwire, project, command):
    error = oddwire(*[word.replace("simulated", "nowhere") for word in command]).error
    assert "'nowhere'" in error
    assert "simulated" in error, "it says which there are"
    assert not project.mlruns.exists()
    assert not (project.root / "o.csv").exists()


@pytest.mark.parametrize("command", [*OF_A_SOURCE[:3], ["params"], ["up"]], ids=" ".join)
def test_a_bad_parameter(oddwire, project, command):
    write_params(project.root, {**SMALL_PARAMS, "alerts": {"target": {"share_of_rows": 2}}})
    error = oddwire(*command).error
    for word in ("params.yaml", "alerts.target.share_of_rows", "2"):
        assert word in error, error
    assert not project.mlruns.exists()


def test_an_unknown_detector(oddwire, project):
    error = oddwire("train", "simulated", "--detectors", "isolation_forest,oracle").error
    assert "'oracle'" in error
    assert "one_class_svm" in error, "it says which there are"
    assert not project.mlruns.exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "simulated", "--trials", "-1"], "--trials"),
        (["train"], "SOURCE"),
        (["train", "simulated", "--detektors", "x"], "--detektors"),
        (["up", "--mlflow-port", "x"], "--mlflow-port"),
    ],
)
def test_a_command_that_is_misspelt(oddwire, project, arguments, named):
    ended = oddwire(*arguments)
    assert ended.out == ""
    assert named in ended.error
    assert f"oddwire {arguments[0]} --help" in ended.error
    assert not project.mlruns.exists()


@pytest.mark.parametrize("command", OF_A_SOURCE[1:], ids=lambda command: command[0])
def test_there_is_no_champion_yet(oddwire, stored, command):
    (stored.root / "today.csv").write_text("a\n1\n")
    ended = oddwire(*command)
    assert "simulated" in ended.error
    assert "oddwire train" in ended.error, "it says what to do"
    assert ended.out == ""
    assert not (stored.root / "o.csv").exists()
    assert not stored.evidently.exists()


@pytest.mark.parametrize("command", OF_A_SOURCE, ids=lambda command: command[0])
def test_an_mlflow_server_that_does_not_answer(oddwire, project, monkeypatch, closed_port, command):
    address = f"http://user:secret@127.0.0.1:{closed_port}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    ended = oddwire(*command)
    assert "does not answer" in ended.error
    assert str(closed_port) in ended.error
    assert "MLFLOW_TRACKING_URI" in ended.error
    assert "secret" not in ended.error
    assert not project.mlruns.exists()
    assert not project.ingested("simulated").exists()


@pytest.mark.parametrize(
    "address",
    [
        "http://joe:SEcret#ONE@127.0.0.1:{port}",
        "http://joe:SEcret/ONE@127.0.0.1:{port}",
        "http://joe:SEcret[ONE@127.0.0.1:{port}",
        "http://SEcretONE@127.0.0.1:{port}",
        "http://127.0.0.1:{port}/?password=SEcretONE",
        "postgresql://joe:SEcret#ONE@127.0.0.1:{port}/x",
        "postgresql://127.0.0.1:{port}/x?sslpassword=SEcretONE",
        "sqlite:///joe:SEcret?ONE@127.0.0.1",
        "joe:SEcretONE@127.0.0.1",
    ],
)
def test_a_password_in_an_address_is_not_told(oddwire, project, monkeypatch, closed_port, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(port=closed_port))
    ended = oddwire("leaderboard", "simulated")
    assert "MLFLOW_TRACKING_URI" in ended.error
    assert "SEcret" not in ended.err
    assert "ONE" not in ended.err


@pytest.mark.parametrize("user", ["joe:SEcretONE", "joe:SEcret#ONE", "joe:SEcret/ONE", "SEcretONE"])
def test_a_password_in_the_address_of_prefect_is_not_told(stored, monkeypatch, closed_port, user):
    monkeypatch.setenv("PREFECT_API_URL", f"http://{user}@127.0.0.1:{closed_port}/api")
    with (
        pytest.raises(ServiceError, match="named by PREFECT_API_URL does not answer") as raised,
        processes.prefect_api(stored),
    ):
        pass
    assert "SEcret" not in str(raised.value)
    assert "ONE" not in str(raised.value)


def test_a_traceback_tells_no_password(oddwire, project, monkeypatch):
    def fail_there(_: object) -> None:
        raise RuntimeError("cannot reach http://joe:SEcretONE@host with password=SEcretTWO")

    monkeypatch.setenv("PREFECT_API_KEY", "SEcretTHREE")
    monkeypatch.setattr("oddwire.cli.parameters.load_params", fail_there)
    ended = oddwire("params")
    assert ended.code == 1
    assert "Traceback" in ended.err, "a defect keeps it"
    assert "RuntimeError: cannot reach http://***@host with password=***" in ended.err
    assert "SEcret" not in ended.err


LONG = "x" * 300


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["score", LONG, "--source", "simulated", "--out", "o.csv"], "names of at most 255 bytes"),
        (["score", "f", "--source", "simulated", "--out", f"{LONG}.csv"], "--out must have names"),
        (
            ["score", "f", "--source", "simulated", "--out", f"{LONG[:248]}.csv", "--explain"],
            "xxx.explained.csv must have names of at most 255 bytes, got one of 262",
        ),
        (["drift", "simulated", "--current", LONG], "--current must have names of at most 255"),
        (
            ["drift", "simulated", "--current", "~no-such-user/x"],
            "~no-such-user, and there is no such user",
        ),
        (["drift", "simulated", "--current", "pipe.csv"], "pipe.csv is a named pipe, not a file"),
        (["drift", "simulated", "--current", "/dev/zero"], "/dev/zero is a device, not a file"),
        (["fetch", "nsl-kdd", "--from", LONG], "--from must have names of at most 255 bytes"),
        (
            ["fetch", "nsl-kdd", "--from", "~no-such-user/x"],
            "~no-such-user, and there is no such user",
        ),
    ],
)
def test_a_path_that_leads_nowhere(oddwire, project, arguments, says):
    os.mkfifo(project.root / "pipe.csv")
    error = oddwire(*arguments).error
    assert says in error
    assert len(error) < 400
    assert not (project.root / "o.csv").exists()


def test_a_project_that_no_path_leads_to(oddwire, monkeypatch):
    monkeypatch.setenv("ODDWIRE_PROJECT", f"/{LONG}")
    assert "ODDWIRE_PROJECT cannot be looked into: File name too long" in oddwire("params").error


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (
            {"label": "verdict"},
            "mine.csv: the label column 'verdict' is empty or unknown in every row",
        ),
        ({"label": "verdikt"}, "mine.csv lacks the column 'verdikt', which the source names under"),
        ({"time": "bytes"}, "column 'bytes': '1' is no time"),
    ],
)
def test_what_a_file_of_a_source_lacks_is_told_by_params_already(oddwire, project, block, says):
    (project.root / "mine.csv").write_text("bytes,verdict\n1,\n2,-\nmany,\n")
    mine = {"format": "table", "train": "mine.csv", **block}
    write_params(project.root, {**SMALL_PARAMS, "sources": {"mine": mine}})
    ended = oddwire("params")
    assert says in ended.error
    assert ended.out == ""


def test_params_does_without_files_that_are_not_there_yet(oddwire, project):
    mine = {"format": "table", "train": "later.csv", "label": "verdict"}
    write_params(project.root, {**SMALL_PARAMS, "sources": {"mine": mine}})
    ended = oddwire("params")
    assert ended.code == 0
    assert "train: later.csv" in ended.out


def test_a_prefect_server_that_does_not_answer(oddwire, stored, monkeypatch, closed_port):
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{closed_port}/api")
    error = oddwire("train", "simulated").error
    assert "does not answer" in error
    assert "PREFECT_API_URL" in error
    assert str(closed_port) in error
    assert_nothing_half_done(stored, "simulated")


@pytest.mark.parametrize("name", ["prefect", "mlflow", "incidents"])
def test_up_on_a_port_that_is_in_use(oddwire, project, name):
    ports = {"prefect": processes.free_port(), "mlflow": processes.free_port()}
    with closing(socket.socket()) as other:
        other.bind((processes.HOST, 0))
        other.listen()
        ports[name] = other.getsockname()[1]
        options = [f"--{key}-port={port}" for key, port in ports.items()]
        error = oddwire("up", *options).error
    assert str(ports[name]) in error
    assert f"process {os.getpid()} (" in error
    assert f"--{name}-port" in error
    assert not (project.root / "data" / "logs").exists()


def test_an_unknown_scenario(oddwire, project):
    assert "'storm'" in oddwire("drift", "simulated", "--scenario", "storm").error


@pytest.mark.parametrize(
    ("current", "reason"),
    [("~nobody-here/a.csv", "no such user"), ("a" * 300, "at most 255 bytes")],
    ids=["user", "long"],
)
def test_a_place_of_current_rows_that_cannot_be(oddwire, project, current, reason):
    error = oddwire("drift", "simulated", "--current", current).error
    assert error.startswith("--current ")
    assert reason in error


def test_in_a_process_of_its_own_an_error_is_one_line(project):
    ended = subprocess.run(
        [sys.executable, "-m", "oddwire.cli", "leaderboard", "nowhere", "--json"],
        cwd=project.root, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("oddwire: error: ")


SCORED = "anomaly_score,p_value,extrapolated,alert,model_version\n"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["score", "drift"])
def test_a_bad_file_for_the_champion(oddwire, office, make_file, tmp_path, command):
    file, out = make_file(50, drop=["sent"]), tmp_path / "scored.csv"
    out.write_text(SCORED)
    options = {
        "score": [file, "--source", "office", "--out", out],
        "drift": ["office", "--current", file],
    }
    ended = oddwire(command, *options[command], "--json")
    for word in ("today.csv", "'sent'"):
        assert word in ended.error, ended.error
    assert ended.out == ""
    assert out.read_text() == SCORED
    assert {path.name for path in tmp_path.iterdir()} <= {"today.csv", "scored.csv"}


def test_a_file_to_score_that_is_not_there_is_not_passed_over(oddwire, make_file, tmp_path):
    lost = tmp_path / "lost.csv"
    ended = oddwire("score", make_file(), lost, "--source", "simulated", "--out", tmp_path / "out")
    assert ended.code != 0
    assert "lost.csv does not exist" in " ".join(ended.err.split())

"""What is wrong is said in one line that names it; the exit code is 2, nothing half-done stays."""

from __future__ import annotations

import copy
import os
import socket
import subprocess
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
import yaml
from command_line import ODDWIRE, caller
from small_projects import SMALL_PARAMS, write_params

from oddwire.operations.registry.versions import CHALLENGER, CHAMPION, Registry, model_name
from oddwire.operations.tracking.store import Tracking

HEADER = "bytes,packets,service,verdict"
ROWS = [
    f"{at % 97},{at % 13}.5,{('web', 'dns')[at % 2]},{('normal', 'scan')[at % 10 == 0]}"
    for at in range(400)
]


@pytest.fixture
def oddwire(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.fixture
def table(project):
    """A project with the source `mine`: a function that writes its train file and its settings."""

    def write(content, **settings):
        if content is not None:
            (project.root / "mine.csv").write_text(content)
        params = copy.deepcopy(SMALL_PARAMS)
        block = {"format": "table", "train": "mine.csv", "label": "verdict", **settings}
        params["sources"]["mine"] = block
        write_params(project.root, params)
        return project

    return write


@pytest.fixture
def closed_port():
    """A port at which nothing answers."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]  # bound but not listening: nobody else gets it


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
        assert not list(folder.parent.glob("*.partial")) if folder.parent.exists() else True
    assert not (project.prepared(source) / "train.parquet").exists()


BAD_TABLES = {
    "a missing file": (None, ["mine.csv", "does not exist"]),
    "an empty file": ("", ["mine.csv", "is empty"]),
    "a header alone": (f"{HEADER}\n", ["mine.csv", "header but no rows"]),
    "a missing column": ("\n".join(["bytes,packets", *["1,2"] * 400]), ["mine.csv", "'verdict'"]),
    "text in a number column": (
        "\n".join([HEADER, *ROWS, "many,1,web,normal"]),
        ["mine.csv", "line 402", "'bytes'", "'many'"],
    ),
    "no benign row": (
        "\n".join([HEADER, *[row.replace("normal", "scan") for row in ROWS]]),
        ["mine", "benign"],
    ),
    "too few rows": ("\n".join([HEADER, *ROWS[:12]]), ["mine", "at least", "rows"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD_TABLES)
def test_training_on_a_bad_file(oddwire, prefect_server, table, case):
    content, named = BAD_TABLES[case]
    project = table(content)
    error = oddwire("train", "mine", "--trials", 0, "--detectors", "isolation_forest").error
    for word in named:
        assert word in error, error
    assert_nothing_half_done(project, "mine")


@pytest.mark.parametrize("command", ["train", "leaderboard", "drift"])
def test_an_unknown_source(oddwire, project, command):
    error = oddwire(command, "nowhere").error
    assert "'nowhere'" in error
    assert "simulated" in error, "it says which there are"
    assert not project.mlruns.exists()


def test_scoring_for_an_unknown_source(oddwire, project):
    error = oddwire("score", "a.csv", "--source", "nowhere", "--out", "o.csv").error
    assert "'nowhere'" in error
    assert not (project.root / "o.csv").exists()


@pytest.mark.parametrize("command", [["train", "simulated"], ["params"], ["up"]])
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": -1}, ["seed", "-1"]),
        ({"alerts": {"target_fpr": 2}}, ["alerts.target_fpr", "2"]),
        ({"serch": {}}, ["serch"]),
        ({"search": {"detectors": ["oracle"]}}, ["search.detectors", "'oracle'"]),
    ],
)
def test_a_bad_parameter(oddwire, project, command, change, named):
    write_params(project.root, {**SMALL_PARAMS, **change})
    error = oddwire(*command).error
    for word in ("params.yaml", *named):
        assert word in error, error
    assert not project.mlruns.exists()


def test_params_that_are_no_yaml_or_not_there(oddwire, project):
    project.params_file.write_text("a: [1")
    assert "params.yaml is not YAML" in oddwire("params").error
    project.params_file.unlink()
    assert "no params.yaml" in oddwire("params").error


@pytest.mark.parametrize("names", ["oracle", "isolation_forest,oracle", ",", ""])
def test_an_unknown_detector(oddwire, project, names):
    error = oddwire("train", "simulated", "--detectors", names).error
    assert "isolation_forest" in error, "it says which there are"
    assert repr(names.rpartition(",")[2] or names) in error
    assert not project.mlruns.exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "simulated", "--trials", "-1"], "--trials"),
        (["train"], "'source'"),
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


@pytest.mark.parametrize(
    "command",
    [
        ["drift", "simulated"],
        ["leaderboard", "simulated"],
        ["score", "today.csv", "--source", "simulated", "--out", "o.csv"],
    ],
)
def test_there_is_no_champion_yet(oddwire, project, command):
    (project.root / "today.csv").write_text("a\n1\n")
    ended = oddwire(*command)
    assert "simulated" in ended.error
    assert "oddwire train" in ended.error, "it says what to do"
    assert ended.out == ""
    assert not (project.root / "o.csv").exists()
    assert not project.reports.exists()


@pytest.mark.parametrize(
    "command",
    [
        ["train", "simulated"],
        ["drift", "simulated"],
        ["leaderboard", "simulated"],
        ["score", "today.csv", "--source", "simulated", "--out", "o.csv"],
    ],
)
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


def test_a_prefect_server_that_does_not_answer(oddwire, project, monkeypatch, closed_port):
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{closed_port}/api")
    error = oddwire("train", "simulated").error
    assert "does not answer" in error
    assert "PREFECT_API_URL" in error
    assert str(closed_port) in error
    assert_nothing_half_done(project, "simulated")


@pytest.mark.parametrize("name", ["prefect", "mlflow"])
def test_up_on_a_port_that_is_in_use(oddwire, project, name):
    from oddwire.cli.servers import processes

    ports = {"prefect": processes.free_port(), "mlflow": processes.free_port()}
    with closing(socket.socket()) as other:
        other.bind((processes.HOST, 0))
        other.listen()
        ports[name] = other.getsockname()[1]
        options = [f"--{key}-port={port}" for key, port in ports.items()]
        error = oddwire("up", *options).error
    assert str(ports[name]) in error
    assert f"--{name}-port" in error
    assert not (project.root / "data" / "logs").exists()


@pytest.mark.slow
def test_in_a_process_of_its_own_an_error_is_one_line(project):
    ended = subprocess.run(
        [ODDWIRE, "drift", "simulated", "--json"],
        cwd=project.root, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("oddwire: error: ")


def connections(rows=50):
    from oddwire.params import SimulatedSource
    from oddwire.traffic.sources.simulated import simulate

    frame = simulate(SimulatedSource(format="simulated", days=1, connections_per_day=400))
    return frame.head(rows).drop(columns=["label", "attack"])


BAD_FILES = {
    "a missing file": (None, ["today.csv", "does not exist"]),
    "an empty file": (lambda: "", ["today.csv", "is empty"]),
    "a header alone": (
        lambda: connections().head(0).to_csv(index=False),
        ["today.csv", "header but no rows"],
    ),
    "a missing column": (
        lambda: connections().drop(columns="src_ip").to_csv(index=False),
        ["today.csv", "src_ip"],
    ),
    "text in a number column": (
        lambda: connections().astype({"dst_port": object})
        .assign(dst_port=["http", *[80] * 49]).to_csv(index=False),
        ["today.csv", "dst_port", "'http'"],
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", ["score", "drift"])
@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_for_the_champion(oddwire, trained, monkeypatch, tmp_path, case, command):
    project, _ = trained
    monkeypatch.chdir(project.root)
    make, named = BAD_FILES[case]
    file, out = tmp_path / "today.csv", tmp_path / "scored.csv"
    if make is not None:
        file.write_text(make())
    out.write_text("from yesterday")
    tracking = Tracking.connect(project)
    before = tracking._runs(tracking.experiment("simulated"), "")
    if command == "score":
        ended = oddwire("score", file, "--source", "simulated", "--out", out)
    else:
        ended = oddwire("drift", "simulated", "--current", file, "--json")
    for word in named:
        assert word in ended.error, ended.error
    assert ended.out == ""
    assert out.read_text() == "from yesterday"
    assert {path.name for path in tmp_path.iterdir()} <= {"today.csv", "scored.csv"}
    after = tracking._runs(tracking.experiment("simulated"), "")
    assert {r.info.run_id for r in after if r.info.status == "FINISHED"} == {
        r.info.run_id for r in before if r.info.status == "FINISHED"
    }


@pytest.mark.slow
def test_places_that_cannot_be_written_to(oddwire, trained, monkeypatch, tmp_path):
    monkeypatch.chdir(trained[0].root)
    file = tmp_path / "today.csv"
    file.write_text(connections().to_csv(index=False))

    def score_to(out):
        return oddwire("score", file, "--source", "simulated", "--out", out).error

    assert "scored.xlsx" in score_to(tmp_path / "scored.xlsx")
    assert "nowhere" in score_to(tmp_path / "nowhere" / "scored.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "folder.csv" in score_to(tmp_path / "folder.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.csv", "today.csv"]


@pytest.mark.slow
def test_a_drift_check_that_cannot_be(oddwire, trained, monkeypatch, tmp_path):
    monkeypatch.chdir(trained[0].root)
    assert "'storm'" in oddwire("drift", "simulated", "--scenario", "storm").error
    file = tmp_path / "today.csv"
    file.write_text(connections(3).to_csv(index=False))
    error = oddwire("drift", "simulated", "--current", file, "--scenario", "none").error
    assert "not both" in error
    assert "rows" in oddwire("drift", "simulated", "--current", file).error


def numbers(rows, columns, seed=0):
    values = np.random.default_rng(seed).lognormal(3, 1, (rows, columns)).round(4)
    return pd.DataFrame(values, columns=[f"c{at}" for at in range(columns)])


def trained_on(oddwire, project, frame, test=None, **block):
    """Train on a table, and return the leaderboard's only row and what training printed."""
    frame.to_csv(project.root / "mine.csv", index=False)
    block = {"format": "table", "train": "mine.csv", **block}
    if test is not None:
        test.to_csv(project.root / "later.csv", index=False)
        block["test"] = "later.csv"
    content = yaml.safe_load(project.params_file.read_text())
    write_params(project.root, {**content, "sources": {"mine": block}})
    ended = oddwire("train", "mine", "--trials", 1, "--detectors", "isolation_forest")
    assert ended.code == 0, ended.err
    board = oddwire("leaderboard", "mine", "--json")
    assert board.code == 0, board.err
    (row,) = board.json
    return row, ended


@pytest.mark.slow
def test_one_column_without_labels_and_too_few_values_for_a_threshold(
    oddwire, prefect_server, project
):
    """Trains all the same; what needs labels, or more calibration rows, is missing with reasons."""
    content = yaml.safe_load(project.params_file.read_text())
    write_params(project.root, {**content, "alerts": {"target_fpr": 0.0001}})
    row, ended = trained_on(oddwire, project, pd.DataFrame({"c0": [1, 2, 3] * 100}))
    for figure in ("roc_auc", "average_precision", "f1", "recall", "recall_at_fpr"):
        assert row[figure] is None
        assert "label" in row["undefined"][figure]
    assert row["threshold"] is None
    assert "0.0001" in row["undefined"]["threshold"]
    assert "no score raises an alert" in " ".join(ended.out.split())
    assert "label" in ended.out
    assert row["rows_per_second"] > 0
    assert row["model_version"] == "1"


@pytest.mark.slow
def test_benign_rows_alone_and_a_test_part_of_one_class(oddwire, prefect_server, project, tmp_path):
    """Undefined figures are shown as missing with their reason; odd values are counted."""
    frame = numbers(300, 2).assign(service=["web", "dns", "ssh"] * 100, verdict="benign")
    later = numbers(100, 2, seed=1).assign(service="web", verdict="benign")
    later.loc[0, "c0"], later.loc[1:2, "c1"] = np.inf, np.nan
    later.loc[3:5, "service"] = "gopher"
    row, ended = trained_on(oddwire, project, frame, later, label="verdict")
    assert row["roc_auc"] is None
    assert row["undefined"]["roc_auc"]
    assert 0 <= row["false_positive_rate"] <= 1
    for out in (ended.out, oddwire("leaderboard", "mine").out):
        line = next(line for line in out.splitlines() if "isolation_forest" in line)
        assert " - " in line
        assert f"roc_auc: {row['undefined']['roc_auc']}" in " ".join(out.split())
    scored = tmp_path / "scored.parquet"
    file = project.root / "later.csv"
    done = oddwire("score", file, "--source", "mine", "--out", scored, "--json")
    assert done.code == 0, done.err
    assert (done.json["missing"], done.json["infinite"], done.json["unseen"]) == (2, 1, 3)
    assert np.isfinite(pd.read_parquet(scored)["anomaly_score"]).all()
    said = oddwire("score", file, "--source", "mine", "--out", scored).out
    assert "2 missing and 1 infinite numbers" in said
    assert "3 categories never seen" in said


@pytest.mark.slow
def test_three_hundred_columns_and_few_rows(oddwire, prefect_server, project):
    frame = numbers(200, 300).assign(verdict=["normal"] * 180 + ["scan"] * 20)
    frame.loc[180:] = frame.loc[180:].assign(**{f"c{at}": 1e6 for at in range(100)})
    row, _ = trained_on(oddwire, project, frame, label="verdict")
    assert row["roc_auc"] > 0.9, "they stand out in a hundred columns"
    assert row["threshold"] > 0
    assert row["model_version"] == "1"

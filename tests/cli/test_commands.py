"""The commands as a person types them, against a real Prefect server and a real store."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from command_line import caller
from small_projects import SMALL_PARAMS, make_project, write_params

from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking
from oddwire.traffic.sources.simulated import simulate

DETECTORS = ["isolation_forest", "one_class_svm", "autoencoder"]
FIELDS = [
    "detector", "roc_auc", "average_precision", "f1", "precision", "recall", "recall_at_fpr",
    "false_positive_rate", "threshold", "rows_per_second", "run_id", "model_version",
]  # fmt: skip
COMMANDS = ["train", "leaderboard", "compare", "score", "drift", "fetch", "params", "up"]
DRIFT = 3


@pytest.fixture
def oddwire(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.fixture
def in_trained(trained, monkeypatch):
    """The trained project, which is the working directory."""
    monkeypatch.chdir(trained[0].root)
    return trained


def traffic(project, file, *, rows=200):
    """Write connections that the project's simulator makes, without what it knows of attacks."""
    from oddwire.params import load_params

    connections = simulate(load_params(project.params_file).source("simulated"))
    connections = connections.head(rows).drop(columns=["label", "attack"])
    if file.suffix == ".parquet":
        connections.to_parquet(file, index=False)
    else:
        connections.to_csv(file, index=False)
    return file


def test_help_lists_every_command_and_what_to_type_first(oddwire):
    ended = oddwire("--help")
    assert ended.code == 0
    for command in COMMANDS:
        assert re.search(rf"^\W*{command}\b", ended.out, re.MULTILINE), command
    assert "oddwire train simulated" in ended.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(oddwire, command):
    ended = oddwire(command, "--help")
    assert ended.code == 0
    assert f"oddwire {command}" in ended.out
    assert ended.err == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_an_example(oddwire, command):
    ended = oddwire(command, "--help")
    example = ended.out.split("Example", 1)
    assert len(example) == 2, f"no example:\n{ended.out}"
    assert f"oddwire {command}" in example[1]


def test_version(oddwire):
    ended = oddwire("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"oddwire {version('oddwire')}\n", "")


def test_params_are_printed_with_their_defaults(oddwire, project):
    ended = oddwire("params")
    assert ended.code == 0
    printed = yaml.safe_load(ended.out)
    assert printed["sources"]["simulated"]["connections_per_day"] == 800
    assert printed["alerts"]["target_fpr"] == 0.01  # it does not stand in the file
    assert "alerts" not in project.params_file.read_text()


def test_fetch_takes_the_files_of_a_folder(oddwire, project, shared_data, tmp_path):
    origin = shared_data / "nsl-kdd"
    ended = oddwire("fetch", "nsl-kdd", "--from", origin)
    assert ended.code == 0, ended.err
    brought = sorted(project.downloads("nsl-kdd").iterdir())
    assert {"KDDTrain+_20Percent.txt", "KDDTest+.txt"} <= {file.name for file in brought}
    assert sorted(ended.out.split()) == [str(file) for file in brought]
    damaged = tmp_path / "damaged"
    shutil.copytree(origin, damaged)
    (damaged / "KDDTest+.txt").write_text("0,tcp\n")
    shutil.rmtree(project.downloads("nsl-kdd"))
    assert "KDDTest+.txt" in oddwire("fetch", "nsl-kdd", "--from", damaged).error


@pytest.mark.slow
def test_train_ends_with_a_table_and_where_to_look(oddwire, prefect_server, project):
    ended = oddwire(
        "train", "simulated", "--trials", 1, "--detectors", "isolation_forest", "--no-promote"
    )
    assert ended.code == 0, ended.err
    assert "isolation_forest" in ended.out
    assert "one_class_svm" not in ended.out
    assert "promotion was switched off" in ended.out
    assert "make up" in ended.out
    assert "Traceback" not in ended.err
    assert "Warning" not in ended.err
    # where no terminal watches, lines instead of bars
    for step in ("dvc repro simulated", "search isolation_forest", "fit isolation_forest"):
        assert f"{step}: done" in ended.err
    tracking = Tracking.connect(project)
    assert tracking.newest_training("simulated").info.run_id in ended.out
    assert Registry.of(tracking, project).version("simulated") is None


@pytest.mark.slow
def test_the_leaderboard_shows_every_detector(oddwire, in_trained):
    ended = oddwire("leaderboard", "simulated")
    assert ended.code == 0
    for head in ("ROC AUC", "average precision", "F1", "recall at 1 % FPR", "realised FPR",
                 "fit s", "rows/s", *DETECTORS):  # fmt: skip
        assert head in ended.out
    _, result = in_trained
    for row in result.leaderboard:
        assert f"{row['roc_auc']:.4f}" in ended.out


@pytest.mark.slow
def test_the_leaderboard_as_json_has_the_promised_fields(oddwire, in_trained):
    ended = oddwire("leaderboard", "simulated", "--json")
    assert (ended.code, ended.err) == (0, "")
    rows = ended.json
    _, result = in_trained
    assert [row["detector"] for row in rows] == DETECTORS
    for row, evaluated in zip(rows, result.leaderboard, strict=True):
        assert list(row)[: len(FIELDS)] == FIELDS
        assert {name: row[name] for name in FIELDS} == {name: evaluated[name] for name in FIELDS}
    assert result.version in {row["model_version"] for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_score_writes_a_row_for_every_row(oddwire, in_trained, tmp_path, suffix):
    project, result = in_trained
    file = traffic(project, tmp_path / f"today{suffix}")
    out = tmp_path / f"scored{suffix}"
    ended = oddwire("score", file, "--source", "simulated", "--out", out)
    assert ended.code == 0, ended.err
    scored = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    assert len(scored) == 200
    assert scored["p_value"].between(0, 1).all()
    assert scored["anomaly_score"].notna().all()
    assert set(scored["model_version"].astype(str)) == {result.version}
    assert f"{scored['alert'].sum():,} alerts" in ended.out
    assert {"src_ip", "dst_port"} <= set(scored), "the rows themselves are kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([file.name, out.name])


@pytest.mark.slow
def test_score_as_json(oddwire, in_trained, tmp_path):
    project, result = in_trained
    file = traffic(project, tmp_path / "today.csv", rows=50)
    ended = oddwire(
        "score", file, "--source", "simulated", "--out", tmp_path / "o.csv.gz", "--json"
    )
    assert (ended.code, ended.err) == (0, "")
    assert ended.json["rows"] == 50
    assert ended.json["version"] == result.version
    assert len(pd.read_csv(tmp_path / "o.csv.gz")) == 50


@pytest.mark.slow
def test_score_marks_discoveries_and_follows_drift(oddwire, in_trained, tmp_path):
    project, _ = in_trained
    file, out = traffic(project, tmp_path / "today.csv", rows=600), tmp_path / "scored.parquet"
    ended = oddwire(
        "score", file, "--source", "simulated", "--out", out, "--fdr", 0.3, "--adaptive"
    )
    assert ended.code == 0, ended.err
    scored = pd.read_parquet(out)
    assert f"{scored['discovery'].sum():,} discoveries at a false-discovery rate" in ended.out
    assert f"{scored['adaptive_alert'].sum():,} alerts of the threshold that follows" in ended.out
    reached = scored["anomaly_score"] >= scored["adaptive_threshold"]
    assert scored["adaptive_alert"].tolist() == reached.tolist()
    refused = oddwire("score", file, "--source", "simulated", "--out", out, "--fdr", 2)
    assert "false-discovery rate must be between 0 and 1, got 2" in refused.error


@pytest.mark.slow
def test_a_reference_that_is_too_short_is_not_passed_off_as_calm(oddwire, in_trained):
    """A day or two of traffic cannot say what is normal, and the verdict says that instead."""
    project, _ = in_trained
    ended = oddwire("drift", "simulated", "--scenario", "broken_sensor")
    assert ended.code == 0, ended.err
    assert "No drift could be shown" in ended.out
    report = Path(re.search("^Report: (.+)$", ended.out, re.MULTILINE)[1])
    assert report.is_relative_to(project.reports / "simulated")
    assert report.stat().st_size > 10_000


@pytest.fixture(scope="module")
def table_project(tmp_path_factory, prefect_server):
    """A project trained on a table without times, of which a few hundred rows show drift."""
    from flows.training import train

    project = make_project(tmp_path_factory.mktemp("table") / "project")
    write_params(
        project.root,
        {**SMALL_PARAMS, "sources": {"office": {"format": "table", "train": "office.csv"}}},
    )
    table(project.root / "office.csv", rows=2000, seed=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ODDWIRE_PROJECT", str(project.root))
        train(source="office", trials=0, detectors="isolation_forest")
    return project


def table(file, *, rows, seed, factor=1.0):
    """Write rows of three columns, one of which may have moved."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "sent": random.lognormal(6, 1, rows) * factor,
        "received": random.lognormal(7, 1, rows),
        "service": random.choice(["web", "dns", "ssh"], rows),
    })  # fmt: skip
    frame.to_csv(file, index=False)
    return file


@pytest.mark.slow
def test_unchanged_traffic_is_no_drift(oddwire, table_project, monkeypatch, tmp_path):
    monkeypatch.chdir(table_project.root)
    file = table(tmp_path / "today.csv", rows=500, seed=1)
    ended = oddwire("drift", "office", "--current", file)
    assert ended.code == 0, ended.err
    assert "No drift: " in ended.out
    assert "today.csv" in ended.out


@pytest.mark.slow
def test_changed_traffic_is_drift_and_json_is_all_that_is_printed(
    oddwire, table_project, monkeypatch, tmp_path
):
    monkeypatch.chdir(table_project.root)
    file = table(tmp_path / "today.csv", rows=500, seed=1, factor=20)
    ended = oddwire("drift", "office", "--current", file, "--json")
    assert ended.code == DRIFT, ended.err
    assert ended.err == ""
    verdict = ended.json
    assert verdict["drifted"] is True
    assert verdict["source"] == "office"
    assert verdict["version"] == "1"
    moved = {column["column"] for column in verdict["columns"] if column["drifted"]}
    assert "sent" in moved
    assert "received" not in moved
    assert Path(verdict["report"]).is_relative_to(table_project.reports / "office")
    assert Path(verdict["report"]).stat().st_size > 10_000

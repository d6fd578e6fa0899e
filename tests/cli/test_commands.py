"""The commands as a person types them: what they print for people and for machines."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
import yaml

from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking

FIELDS = [
    "detector", "roc_auc", "average_precision", "f1", "precision", "recall", "recall_at_fpr",
    "false_positive_rate", "threshold", "rows_per_second", "run_id", "model_version",
]  # fmt: skip
COMMANDS = [
    "train", "leaderboard", "compare", "score", "drift", "history", "promote", "rollback",
    "sources", "label", "allow", "detectors", "fetch", "params", "up", "incidents", "alerts",
    "explain",
]  # fmt: skip
DRIFT = 3


def test_help_lists_every_command_and_what_to_type_first(oddwire):
    ended = oddwire("--help")
    assert ended.code == 0
    for command in COMMANDS:
        assert re.search(rf"^\W*{command}\b", ended.out, re.MULTILINE), command
    assert "oddwire train simulated" in ended.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_an_example_in_80_columns(oddwire, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ended = oddwire(command, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 80
    usage, *example = ended.out.split("Example", 1)
    assert f"oddwire {command}" in usage
    assert example, f"no example:\n{ended.out}"
    assert f"oddwire {command}" in example[0]


def test_version(oddwire):
    ended = oddwire("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"oddwire {version('oddwire')}\n", "")


def test_params_are_printed_with_their_defaults(oddwire, project):
    ended = oddwire("params")
    assert ended.code == 0
    printed = yaml.safe_load(ended.out)
    assert printed["sources"]["simulated"]["connections_per_day"] == 800
    assert printed["alerts"]["unit_minutes"] == 10  # it does not stand in the file
    assert "alerts" not in project.params_file.read_text()


def test_fetch_takes_the_files_of_a_folder(oddwire, project, shared_data, tmp_path):
    origin = shared_data / "nsl-kdd"
    ended = oddwire("fetch", "nsl-kdd", "--from", origin)
    assert ended.code == 0, ended.err
    files = sorted(project.downloads("nsl-kdd").iterdir())
    assert {"KDDTrain+_20Percent.txt", "KDDTest+.txt"} <= {file.name for file in files}
    assert str(project.downloads("nsl-kdd")) in ended.out
    named = [line.removeprefix("  - ") for line in ended.out.splitlines() if "  - " in line]
    assert sorted(named) == [file.name for file in files]
    damaged = tmp_path / "damaged"
    shutil.copytree(origin, damaged)
    (damaged / "KDDTest+.txt").write_text("0,tcp\n")
    shutil.rmtree(project.downloads("nsl-kdd"))
    assert "KDDTest+.txt" in oddwire("fetch", "nsl-kdd", "--from", damaged).error


@pytest.mark.slow
def test_train_ends_with_a_table_and_where_to_look(office):
    out, err = office.trained.out, office.trained.err
    assert "winner" in out
    assert "one_class_svm" not in out
    assert "make up" in out
    tracking = Tracking.connect(office.project)
    assert tracking.newest_training("office").info.run_id in out
    champion = Registry.of(tracking, office.project).champion("office")
    assert f"oddwire-office version {champion.number}: Promoted" in out
    # Where no terminal watches, lines instead of bars.
    for step in ("dvc repro office", "fit and evaluate isolation_forest"):
        assert f"{step}: done" in err
    assert "Traceback" not in err
    assert "Warning" not in err


@pytest.mark.slow
def test_the_leaderboard_is_a_table_and_as_json_has_the_promised_fields(
    oddwire, office, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "120")
    ended = oddwire("leaderboard", "office", "--json")
    assert (ended.code, ended.err) == (0, "")
    (row,) = ended.json
    assert list(row)[: len(FIELDS)] == FIELDS
    assert row["detector"] == "isolation_forest"
    assert row["model_version"] == "1"
    assert row["target"] == {"share_of_rows": 0.01}
    assert row["alert_p_value"] == 0.01
    assert (row["is_winner"], row["is_champion"]) == (True, True)
    out = oddwire("leaderboard", "office").out
    for cell in ("isolation_forest", f"{row['roc_auc']:.4f}", "1 %", "winner", "champion"):
        assert cell in out
    assert "/#/experiments/1/runs/" in out.splitlines()[-1], "where MLflow shows the run"


@pytest.mark.slow
def test_score_writes_a_row_for_every_row(oddwire, office, make_file, tmp_path):
    out = tmp_path / "scored.parquet"
    ended = oddwire("score", make_file(), "--source", "office", "--out", out, "--fdr", 0.3)
    assert ended.code == 0, ended.err
    scored = pd.read_parquet(out)
    assert len(scored) == 500
    assert scored["p_value"].between(0, 1).all()
    text = " ".join(ended.out.split())
    assert "500 rows scored by version 1 (isolation_forest) " in text
    assert f"{scored['alert'].sum():,} alerts: {100 * scored['alert'].mean():.3g} % of the" in text
    assert f"{scored['discovery'].sum():,} discoveries, of which at most 30 % are benign" in text
    assert f"Written to {out}\n" in ended.out


@pytest.mark.slow
def test_score_as_json_explains_the_alerts_when_asked_to(oddwire, office, make_file, tmp_path):
    out = tmp_path / "scored.csv"
    ended = oddwire(
        "score", make_file(factor=100), "--source", "office", "--out", out,
        "--explain", "--explain-most", 3, "--json",
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    scored = ended.json
    assert (scored["rows"], scored["version"], scored["explained"]) == (500, "1", 3)
    assert (scored["discoveries"], scored["adaptive_alerts"]) == (None, None)
    assert Path(scored["explanations"]).is_file()
    assert pd.read_csv(out)["why"].notna().sum() == 3


@pytest.mark.slow
def test_unchanged_traffic_is_no_drift(oddwire, office, make_file):
    ended = oddwire("drift", "office", "--current", make_file())
    assert ended.code == 0, ended.err
    assert "No drift: " in ended.out
    assert "today.csv" in ended.out
    report = Path(re.search("^Report: (.+)$", ended.out, re.MULTILINE)[1])
    assert report.is_relative_to(office.project.mlruns)
    assert report.stat().st_size > 5_000


@pytest.mark.slow
def test_changed_traffic_is_drift_and_json_is_all_that_is_printed(oddwire, office, make_file):
    ended = oddwire("drift", "office", "--current", make_file(factor=20), "--json")
    assert ended.code == DRIFT, ended.err
    assert ended.err == ""
    verdict = ended.json
    assert verdict["drifted"] is True
    assert (verdict["source"], verdict["version"]) == ("office", "1")
    moved = {column["column"] for column in verdict["columns"] if column["drifted"]}
    assert "sent" in moved
    assert "received" not in moved

"""Commands that list what there is, and move the champion by hand."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from oddwire.detection.detectors import DETECTORS
from oddwire.project import Project


@pytest.fixture
def own_office(trained_office, tmp_path, monkeypatch):
    """A copy of the trained project that a test may change, but for the files of its models."""
    root = tmp_path / "office"
    shutil.copytree(
        trained_office.project.root, root, symlinks=True,
        ignore=shutil.ignore_patterns("artifacts", "data", ".git"),
    )  # fmt: skip
    monkeypatch.chdir(root)
    return Project(root)


def test_a_training_is_in_the_history_with_who_and_why(oddwire, office):
    (entry,) = oddwire("history", "office", "--json").json
    assert set(entry) == {"time", "who", "action", "version", "from", "to", "why"}
    assert (entry["action"], entry["from"], entry["to"]) == ("promoted", None, "1")
    assert "office" in entry["who"], "the flow run's name"
    assert "is the first model" in entry["why"]
    shown = oddwire("history", "office")
    assert (shown.code, shown.err) == (0, "")
    assert "version 1: promoted" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_a_move_is_one_line_and_another_line_of_the_history(oddwire, own_office):
    already = oddwire("promote", "office", 1, "--because", "sure")
    assert already.out == "oddwire-office: version 1 is champion already, nothing changed\n"
    for command in (["promote", "office", 7, "--because", "x"], ["rollback", "office", "--to", 7]):
        assert "oddwire-office has no version 7: there are 1" in oddwire(*command).error
    assert "no previous champion of source 'office'" in oddwire("rollback", "office").error
    assert "'--because'" in oddwire("promote", "office", 1).error
    assert len(oddwire("history", "office", "--json").json) == 1
    moved = oddwire("promote", "office", 1, "--because", "sure", "--json").json
    assert moved == {
        "source": "office", "action": "already champion", "from": "1", "to": "1",
        "who": moved["who"], "why": "sure",
    }  # fmt: skip


def test_what_the_ledger_holds_is_harmless_in_a_terminal(oddwire, own_office):
    ledger = own_office.mlruns / "promotions.jsonl"
    entry = json.loads(ledger.read_text()) | {
        "who": "\x1b[31mmallory", "reason": "[bold]x[/bold]\x1b]0;title\x07" * 3, "action": "\x07",
    }  # fmt: skip
    ledger.write_text(ledger.read_text() + json.dumps(entry) + '\n{"torn')
    shown = oddwire("history", "office")
    assert not {"\x1b", "\x07"} & set(shown.out)
    assert "[bold]x[/bold]" in shown.out
    assert shown.out.index("mallory") < shown.out.index("version 1: promoted"), "newest first"
    assert re.search(r"warning: line \d+ of .*promotions\.jsonl cannot be read", shown.err)


def test_a_roll_back_without_a_champion_before_names_none(oddwire, project):
    entry = {
        "source": "simulated", "time": "2026-03-02T08:00:00+00:00", "who": "ann", "version": "2",
        "action": "rolled back", "from": None, "to": "2", "reason": "to have one",
    }  # fmt: skip
    project.mlruns.mkdir()
    (project.mlruns / "promotions.jsonl").write_text(json.dumps(entry) + "\n")
    first, *_ = oddwire("history", "simulated").out.splitlines()
    assert first == "2026-03-02 08:00 UTC  version 2: champion again, rolled back  by ann"


def test_without_a_decision_the_history_says_what_to_run(oddwire, project):
    shown = oddwire("history", "simulated")
    assert "run `oddwire train simulated` first" in shown.out
    assert oddwire("history", "simulated", "--json").json == []
    assert not project.mlruns.exists()


@pytest.mark.parametrize("command", ["history", "rollback"])
def test_an_unknown_source_is_named(oddwire, project, command):
    assert "unknown source 'nowhere'" in oddwire(command, "nowhere").error
    assert not project.mlruns.exists()


def test_sources_are_listed_with_their_champion(oddwire, office):
    (state,) = oddwire("sources", "--json").json
    assert state["name"] == "office"
    assert (state["prepared"], state["champion"], state["missing"]) == (True, "1", [])
    shown = oddwire("sources")
    assert shown.code == 0
    assert shown.err.startswith("look at the sources: begins")
    assert "office: train office.csv" in shown.out


def test_sources_are_listed_whatever_is_missing(oddwire, project, closed_port, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{closed_port}")
    shown = oddwire("sources")
    assert shown.code == 0
    assert "simulated" in shown.out
    assert "warning: champions and trainings are unknown" in shown.err


def test_detectors_are_listed_with_a_sentence_each(oddwire):
    rows = oddwire("detectors", "--json").json
    assert [row["detector"] for row in rows] == list(DETECTORS)
    assert {row["library"] for row in rows} == {"scikit-learn", "PyTorch"}
    assert [row["detector"] for row in rows if not row["hyperparameters"]] == ["ensemble"]
    shown = oddwire("detectors")
    words = " ".join(shown.out.split())
    for row in rows:
        assert f"{row['detector']} {row['library']}" in words
        assert row["summary"] in words
    assert max(map(len, shown.out.splitlines())) <= 80

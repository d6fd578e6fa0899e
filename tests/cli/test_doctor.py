"""``oddwire doctor`` in a terminal and for machines."""

from __future__ import annotations

import shutil

import pytest

from oddwire.cli.servers import looks, processes


@pytest.fixture(autouse=True)
def _of_this_test(monkeypatch, tmp_path):
    """Neither servers nor locks of whoever else uses this machine."""
    for name in looks.PORTS:
        monkeypatch.setitem(looks.PORTS, name, processes.free_port())
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("COLUMNS", "80")


def test_a_sound_project_is_two_lines(stored, oddwire):
    ended = oddwire("doctor")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[:-1] == ["simulated: no champion yet (`oddwire train simulated`)"]
    assert ended.out.endswith("things looked at, nothing is wrong\n")


def test_what_is_wrong_has_a_line_and_a_command(stored, oddwire):
    (stored.mlruns / "promotions.jsonl").write_text('{"torn": ')
    (stored.root / "dvc.yaml").unlink()
    ended = oddwire("doctor")
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert all(len(line) <= 80 or line.startswith(" " * 9 + "$ ") for line in lines)
    kinds = [line.split()[0] for line in lines if line.startswith(("broken", "warning"))]
    assert kinds == ["broken", "warning"]
    assert "         $ git checkout HEAD -- dvc.yaml" in lines
    assert lines[-1].endswith("2 things are wrong, 1 of them broken")


def test_the_same_for_machines(stored, oddwire):
    (stored.mlruns / "promotions.jsonl").write_text('{"torn": ')
    ended = oddwire("doctor", "--json")
    assert ended.code == 1
    (finding,) = ended.json["findings"]
    assert finding.keys() == {"severity", "subject", "problem", "remedy"}
    assert {look["name"] for look in ended.json["looked_at"]} >= {"installation", "servers"}


def test_mending_removes_what_killed_processes_left_and_nothing_else(stored, oddwire):
    (stored.root / "data" / "work" / "simulated" / "run").mkdir(parents=True)
    (stored.mlruns / "promotions.jsonl").write_text('{"torn": ')
    ended = oddwire("doctor", "--mend")
    assert ended.code == 1
    assert ended.out.count("mended ") == ended.out.count("warning ") == 1
    assert not (stored.root / "data" / "work" / "simulated" / "run").exists()
    assert (stored.mlruns / "promotions.jsonl").read_text() == '{"torn": '


def test_everything_that_was_seen(stored, oddwire):
    shown = oddwire("doctor", "--verbose")
    assert shown.code == 0
    assert "disks: disk of the project" in shown.out


def test_it_works_where_nothing_else_does(tmp_path, oddwire, monkeypatch):
    place = tmp_path / "nothing"
    place.mkdir()
    monkeypatch.setenv("ODDWIRE_PROJECT", str(place))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    ended = oddwire("doctor", "--json")
    assert ended.code == 1
    subjects = {finding["subject"] for finding in ended.json["findings"]}
    assert {"params.yaml", ".dvc", "MLflow", "PREFECT_API_URL"} <= subjects
    assert list(place.iterdir()) == []
    shutil.rmtree(place)

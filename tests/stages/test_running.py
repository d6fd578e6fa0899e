"""How every stage starts and ends."""

from __future__ import annotations

from importlib import import_module

import pytest

from oddwire.stages.running import run


def test_a_stage_takes_one_source(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    ran = []
    assert run(lambda *given: ran.append(given), []) == 2
    assert capsys.readouterr().err == "error: a stage takes the name of one source, got []\n"
    assert run(lambda *given: ran.append(given), ["mine"]) == 0
    assert ran == [(project, "mine")]


@pytest.mark.parametrize("stage", ["link", "ingest", "prepare", "explore"])
def test_a_wrong_source_ends_a_stage_with_one_line_and_code_2(project, stage, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    assert run(getattr(import_module(f"oddwire.stages.{stage}"), stage), ["yours"]) == 2
    out, err = capsys.readouterr()
    assert err == "error: unknown source 'yours': params.yaml has days, mine\n"
    assert out == ""

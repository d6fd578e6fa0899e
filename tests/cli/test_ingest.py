"""``oddwire ingest``: what it shows, and what it refuses."""

from __future__ import annotations

import dataclasses
import re
import sys

import pytest
import yaml

from oddwire.cli.ingest import show
from oddwire.operations.data.ingesting import Ingested, Refusal

INGESTED = Ingested(
    source="office", new=2, known=718, gone=24, rows=14_400_000, refused=3, superseded=120,
    late=40, first="2026-03-02T00:00:01.000001+00:00", last="2026-04-01T00:00:00+00:00",
    cut_off=("conn.719.log: the last line has no end",),
    refusals=(
        Refusal(
            "conn.719.log", 3, 12, "ts must be a number, got '[red]x'", "data/x/refused/a.jsonl"
        ),
    ),
    empty=5, broken_links=("logs/[red]lost.log",),
)  # fmt: skip


def test_all_counts_and_the_first_refused_lines_are_shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    show(INGESTED)
    shown = capsys.readouterr().out
    for text in (
        "14,400,000", "718", "24", "120", "40", "from 2026-03-02T00:00:01 to 2026-04-01T00:00:00",
        "Cut off: conn.719.log: the last line has no end",
        "conn.719.log: 3 lines were refused; the first is line 12: ts must be a number",
        "got '[red]x'",
        "Leads to no file: logs/[red]lost.log",
        "data/x/refused/a.jsonl",
    ):  # fmt: skip
        assert text in shown
    assert re.search(r"log files that are empty +5\n", shown)
    assert re.search(r"links that lead to no file +1\n", shown)


def test_a_source_without_times_shows_no_period(capsys):
    show(dataclasses.replace(INGESTED, first=None, last=None, cut_off=(), refusals=()))
    assert "Known from" not in capsys.readouterr().out


def test_an_unknown_source_is_refused_in_one_line(oddwire, project):
    assert "unknown source 'nowhere'" in oddwire("ingest", "nowhere").error


@pytest.mark.parametrize("command", ["train", "drift"])
def test_a_time_that_is_none_is_refused_before_any_server_starts(oddwire, project, command):
    source = next(iter(yaml.safe_load(project.params_file.read_text())["sources"]))
    error = oddwire(command, source, "--since", "soon").error
    assert error.startswith("since must be a time such as 2026-03-02")


def test_a_file_that_is_not_there_is_told_before_any_server_starts(oddwire, project, monkeypatch):
    def started(*_, **__):
        raise AssertionError

    monkeypatch.setattr(sys.modules["oddwire.cli.train"], "session", started)
    params = yaml.safe_load(project.params_file.read_text())
    params["sources"]["lost"] = {"format": "zeek", "files": "logs/*.log"}
    project.params_file.write_text(yaml.safe_dump(params))
    assert oddwire("train", "lost").error.startswith("source 'lost': no file matches ")

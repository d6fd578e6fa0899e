"""Names of flow runs: made-up ones give way, typed ones stay."""

from __future__ import annotations

import pytest
from prefect.utilities.names import generate_slug

from flows import run_names


@pytest.mark.parametrize(
    "name", ["beta3-archer", "psi-hooke-void", "mu6-canum-venaticorum", "Rustic-Dunker"]
)
def test_a_name_that_a_form_filled_in_is_made_up(name):
    assert run_names.is_generated(name)


def test_a_name_of_the_servers_is_made_up():
    assert all(run_names.is_generated(generate_slug(2)) for _ in range(500))


@pytest.mark.parametrize("name", ["weekly", "after the firewall change", "weekly-retrain", "v2"])
def test_a_typed_name_is_not(name):
    assert not run_names.is_generated(name)


def named(monkeypatch, name, parameters, *wanted):
    monkeypatch.setattr(run_names.flow_run, "get_name", lambda: name)
    monkeypatch.setattr(run_names.flow_run, "get_parameters", lambda: parameters)
    monkeypatch.setattr(run_names.flow_run, "get_scheduled_start_time", lambda: None)
    return run_names.run_name("check", *wanted)()


def test_runs_are_named_for_their_source_and_what_they_look_at(monkeypatch):
    given = {"source": "office", "file": "/logs/today.csv", "scenario": ""}
    name = named(monkeypatch, "beta3-archer", given, "source", "file", "scenario")
    assert name.startswith("check office · today.csv · 20")


def test_a_hostile_file_name_is_a_short_line(monkeypatch):
    given = {"source": "office", "file": "/logs/\x1b[31m" + "x" * 5000}
    name = named(monkeypatch, "beta3-archer", given, "source", "file")
    assert name.isprintable()
    assert len(name) < 110


def test_a_name_typed_in_the_form_stays(monkeypatch):
    assert named(monkeypatch, "after the change", {"source": "office"}) == "after the change"


def test_a_file_s_name_brings_no_escape_code_into_a_run_s(monkeypatch):
    given = {"source": "office", "file": "/logs/to\x1b[31mday.csv"}
    name = named(monkeypatch, "beta3-archer", given, "source", "file")
    assert name.startswith("check office · to\N{REPLACEMENT CHARACTER}[31mday.csv · 20")

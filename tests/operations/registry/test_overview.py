"""The sources of params.yaml are listed, whatever is missing."""

from __future__ import annotations

from oddwire.operations.registry.overview import source_states
from oddwire.params import load_params


def states(project):
    found = source_states(project, load_params(project.params_file))
    return {state.name: state for state in found.states}, found.store_error


def test_a_trained_source_has_a_champion_and_a_date(desk):
    found, error = states(desk.project)
    assert error == ""
    state = found["desk"]
    assert (state.format, state.rows_from, state.missing) == ("table", "train rows.csv", ())
    assert (state.prepared, state.champion) == (True, desk.result.version)
    assert state.last_training.endswith("+00:00")
    other = found["simulated"]
    assert (other.prepared, other.champion, other.last_training) == (False, None, None)
    assert other.rows_from == "10 days of 2,000 simulated connections from 2026-03-02"


def test_files_that_are_not_there_are_named(bare):
    found, _ = states(bare)
    assert found["desk"].missing == ("rows.csv",)


def test_a_store_that_does_not_answer_is_told_and_the_rest_is_listed(bare, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    found, error = states(bare)
    assert "does not answer" in error
    assert set(found) == {"desk", "simulated"}


def test_to_list_sources_makes_no_store(bare):
    (bare.mlruns / "mlflow.db").unlink()
    found, error = states(bare)
    assert (found["desk"].champion, error) == (None, "")
    assert list(bare.mlruns.iterdir()) == []

"""Promoting and rolling back as flows: a state that says what was done, and forms that help."""

from __future__ import annotations

import shutil

import httpx
import pytest
from prefect.client.schemas.objects import StateType
from prefect.utilities.callables import parameter_schema

from flows.registry import promote_version, roll_back_champion
from oddwire.operations.registry import ledger, reference
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking
from oddwire.project import Project


@pytest.fixture
def copied(trained, tmp_path, monkeypatch):
    """A copy of the trained project that a test may change, but for the files of its models."""
    shutil.copytree(
        trained[0].root, tmp_path / "copy", symlinks=True,
        ignore=shutil.ignore_patterns("artifacts", "data", ".git"),
    )  # fmt: skip
    project = Project(tmp_path / "copy")
    monkeypatch.setenv("ODDWIRE_PROJECT", str(project.root))
    return project


@pytest.mark.slow
def test_a_promotion_and_its_roll_back_say_what_they_did(copied, trained, prefect_server):
    champion = trained[1].version
    registry = Registry.of(Tracking.connect(copied), copied)
    other = next(
        row["model_version"] for row in trained[1].leaderboard if row["model_version"] != champion
    )
    state = promote_version(
        version=int(other), because="to try it", source="simulated", return_state=True
    )
    assert (state.type, state.name) == (StateType.COMPLETED, "Promoted by hand")
    assert state.message.startswith(
        f"oddwire-simulated: version {other} is champion instead of version {champion}"
    )
    run = httpx.get(f"{prefect_server}/flow_runs/{state.state_details.flow_run_id}").json()
    assert run["state"]["message"] == state.message
    assert run["name"].startswith(f"promote simulated · version {other} · 20")
    kept = reference.load(registry.tracking, registry.champion("simulated"))
    assert len(kept), "the drift check can go on with it"
    moved = roll_back_champion(source="simulated")
    assert (moved.before, moved.after) == (other, champion)
    back, promoted, *_ = ledger.read(ledger.of_project(copied), "simulated").entries
    assert (promoted.who, promoted.why) == (run["name"], "to try it")
    assert back.who.startswith("roll back simulated · 20")
    assert back.action == "rolled back"


@pytest.mark.parametrize("flow", [promote_version, roll_back_champion], ids=lambda flow: flow.name)
def test_every_field_of_a_form_has_help(flow):
    schema = parameter_schema(flow.fn).properties
    assert schema
    for name, field in schema.items():
        assert field.get("description"), name
        assert field["type"] in {"string", "integer"}, name

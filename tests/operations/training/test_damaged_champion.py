"""A champion that cannot be used ends no training: it is said why, and another takes its place."""

from __future__ import annotations

import shutil

import pytest

from oddwire.errors import ModelError
from oddwire.operations.registry import ledger
from oddwire.operations.registry.versions import model_name

pytestmark = pytest.mark.slow
NAME = model_name("desk")


@pytest.fixture
def trained(train):
    """A training whose champion is version 1; its detector is not yet registered again."""
    return train()


def take_tag(desk):
    desk.tracking.client.delete_model_version_tag(NAME, "1", "manifest_sha256")


def change_tag(desk):
    desk.tracking.client.set_model_version_tag(NAME, "1", "manifest_sha256", "00")


def take_files(desk):
    shutil.rmtree(desk.project.mlruns / "artifacts" / "desk" / "models")


DAMAGES = {
    take_tag: "has no manifest_sha256 tag",
    change_tag: "manifest.json was altered",
    take_files: "cannot be read from MLflow",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_training_replaces_it_and_says_why(trained, train, damage):
    damage(trained)
    with pytest.raises(ModelError, match=DAMAGES[damage]):
        trained.registry.load_champion("desk")
    again = train()
    assert again.result.promoted
    assert again.result.champion == again.result.version == "2"
    assert "has no champion to beat (version 1 cannot be used: " in again.result.reason
    assert DAMAGES[damage] in again.result.reason
    again.registry.load_champion("desk")
    entry = ledger.read(again.registry.ledger, "desk").entries[0]
    assert (entry.before, entry.after) == ("1", "2")


def test_a_training_that_may_not_promote_leaves_it_and_ends_well(trained, train):
    take_tag(trained)
    again = train(promote=False)
    assert (again.result.promoted, again.result.champion) == (False, "1")

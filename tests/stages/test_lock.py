"""The committed ``dvc.lock`` belongs to the committed code and parameters."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = ("link", "ingest", "prepare", "explore")


@pytest.fixture(scope="module")
def lock():
    return yaml.safe_load((REPOSITORY / "dvc.lock").read_text())


def test_every_stage_of_every_source_that_ships_is_locked(lock):
    sources = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["sources"]
    every = {f"{stage}@{source}" for stage in STAGES for source in sources}
    assert set(lock["stages"]) == every | {"settings"}


def test_no_stage_ran_on_other_code_or_parameters(lock):
    """What is missing here (data is not committed) does not matter; what differs does."""
    command = [sys.executable, "-m", "dvc", "status", "--json", *lock["stages"]]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    different = [
        (stage, name, state)
        for stage, changes in json.loads(done.stdout).items()
        for change in changes
        if isinstance(change, dict)
        for name, state in change.get("changed deps", {}).items()
        if name.startswith("src/") or name == "params.yaml"
    ]
    assert not different

"""Small projects of their own: the real stages, a git repository, settings for seconds."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from oddwire.project import Project

REPOSITORY = Path(__file__).resolve().parents[1]

# Small enough for a search in seconds, large enough for every attack family.
SMALL_PARAMS = {
    "seed": 7,
    "sources": {
        "simulated": {"format": "simulated", "seed": 7, "days": 3, "connections_per_day": 800}
    },
    "split": {"train_on": "benign", "calibration": 0.2, "validation": 0.2, "test": 0.25},
    "explore": {"max_rows": 500},
    "search": {"trials": 2, "timeout": 120},
    "promotion": {"resamples": 50, "max_milliseconds_per_row": 50},
    "drift": {"sample_rows": 500},
}


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it printed; without git, skip the test."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def make_project(folder: Path, params: dict | None = None) -> Project:
    """Make a project of its own with the real stages, in a git repository of its own."""
    (folder / ".dvc").mkdir(parents=True)
    for file in ("dvc.yaml", ".dvcignore", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(REPOSITORY / file, folder / file)
    (folder / "src").symlink_to(REPOSITORY / "src")
    (folder / ".gitignore").write_text("/data/\n/mlruns/\n/reports/\n/src\n")
    write_params(folder, params or SMALL_PARAMS)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a project"]):
        git(folder, *command)
    return Project(folder.resolve())


@cache
def empty_store() -> bytes:
    """Return a fresh MLflow database: making its tables is slow, writing them is not."""
    from oddwire.operations.tracking.store import Tracking

    with TemporaryDirectory() as folder:
        made = Project(Path(folder))
        Tracking.connect(made)
        return (made.mlruns / "mlflow.db").read_bytes()


def write_params(folder: Path, params: dict) -> None:
    """Write a project's params.yaml."""
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

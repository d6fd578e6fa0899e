"""Small projects for the stages: a table that lies outside, and a simulated day."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from oddwire.project import Project


def table(rows=400, attacks=40):
    """A small table with attacks at regular places."""
    every = rows // attacks
    lines = [
        f"{at % 97},{(at * 7919) % 1000 / 10},{'tcp' if at % 3 else 'udp'},{int(at % every == 0)}"
        for at in range(rows)
    ]
    return "\n".join(["a,b,c,y", *lines]) + "\n"


def make(folder):
    root = folder / "project"
    root.mkdir()
    outside = folder / "my traffic.v2.csv"
    outside.write_text(table())
    params = {
        "seed": 7,
        "sources": {
            "mine": {"format": "table", "train": str(outside), "label": "y"},
            "days": {"format": "simulated", "days": 1, "connections_per_day": 400},
        },
        "split": {"test": 0.25},
        "explore": {"max_rows": 200},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    return Project(root)


@pytest.fixture(name="table", scope="session")
def table_():
    """Make the text of a small table."""
    return table


@pytest.fixture(scope="session")
def hashes():
    """Hash all files of a folder."""

    def hashes(folder):
        return {
            str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }

    return hashes


@pytest.fixture
def project(tmp_path):
    """A project in which no stage has run."""
    return make(tmp_path)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory):
    """A project for all tests of a module."""
    return make(tmp_path_factory.mktemp("shared"))

"""The command line in this process, and one small project that it has trained."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from command_line import Ended, caller
from small_projects import SMALL_PARAMS, make_project

from oddwire.operations.tracking.store import Tracking
from oddwire.project import Project

OFFICE_PARAMS = {
    **SMALL_PARAMS,
    "sources": {"office": {"format": "table", "train": "office.csv", "label": "verdict"}},
}


@pytest.fixture
def oddwire(monkeypatch, capfd):
    """A function that calls the command line."""
    return caller(monkeypatch, capfd)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A fresh MLflow database: making its tables is slow, copying them is not."""
    project = Project(tmp_path_factory.mktemp("store"))
    Tracking.connect(project)
    return project.mlruns / "mlflow.db"


@pytest.fixture
def stored(project, empty_store):
    """An untrained project with an empty store, which is the working directory."""
    project.mlruns.mkdir()
    shutil.copy(empty_store, project.mlruns / "mlflow.db")
    return project


@pytest.fixture
def closed_port():
    """A port at which nothing answers."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]  # bound but not listening: nobody else gets it


@dataclass(frozen=True)
class Office:
    """A project that ``oddwire train`` has trained, and what that printed."""

    project: Project
    trained: Ended


@pytest.fixture(scope="session")
def trained_office(tmp_path_factory, prefect_server, empty_store):
    project = make_project(tmp_path_factory.mktemp("office") / "project", OFFICE_PARAMS)
    rows = office_rows(1500, seed=0)
    attack = np.arange(1500) % 10 == 0
    rows.loc[attack, "sent"] *= 100
    rows["verdict"] = np.where(attack, "scan", "normal")
    rows.to_csv(project.root / "office.csv", index=False)
    project.mlruns.mkdir()
    shutil.copy(empty_store, project.mlruns / "mlflow.db")
    command = "train office --trials 0 --detectors isolation_forest"
    ended = subprocess.run(
        [sys.executable, "-m", "oddwire.cli", *command.split()],
        cwd=project.root, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return Office(project, Ended(ended.returncode, ended.stdout, ended.stderr))


@pytest.fixture
def office(trained_office, monkeypatch):
    """The trained project, which is the working directory; tests only read it."""
    monkeypatch.chdir(trained_office.project.root)
    return trained_office


@pytest.fixture
def make_file(tmp_path):
    """A function that writes a file of unlabelled rows, one column of which may have moved."""

    def make(rows=500, *, factor=1.0, drop=()):
        file = tmp_path / "today.csv"
        frame = office_rows(rows, seed=1)
        frame.assign(sent=frame["sent"] * factor).drop(columns=list(drop)).to_csv(file, index=False)
        return file

    return make


def office_rows(rows, *, seed):
    random = np.random.default_rng(seed)
    return pd.DataFrame({
        "sent": random.lognormal(6, 1, rows),
        "received": random.lognormal(7, 1, rows),
        "service": random.choice(["web", "dns", "ssh"], rows),
    })  # fmt: skip

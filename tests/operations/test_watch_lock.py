"""One process of a machine follows a source; nobody else waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oddwire.errors import WatchedError
from oddwire.operations.locks import dvc_lock, source_lock, watch_lock
from oddwire.project import Project

HOLDS = """
from pathlib import Path
from oddwire.operations.locks import watch_lock
from oddwire.project import Project
with watch_lock(Project(Path.cwd()), "office"):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def held(tmp_path):
    """A project in which another process watches the office, and that process."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS], cwd=tmp_path, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:  # fmt: skip
        assert process.stdout.readline() == b"held\n"
        try:
            yield Project(Path(tmp_path)), process
        finally:
            process.kill()


def test_a_second_one_is_told_at_once(held):
    project, _ = held
    with (
        pytest.raises(WatchedError, match="office is watched already"),
        watch_lock(project, "office"),
    ):
        pass


def test_other_sources_and_other_work_go_on(held):
    project, _ = held
    with (
        watch_lock(project, "branch"), source_lock(project, "office"), dvc_lock(project),
        watch_lock(project, "office", supervising=True),
    ):  # fmt: skip
        pass


def test_the_lock_of_a_killed_one_is_free(held):
    project, process = held
    process.kill()
    process.wait()
    with watch_lock(project, "office"):
        pass

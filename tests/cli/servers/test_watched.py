"""`oddwire watch` under a supervisor says in JSON what it waits for and why it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from command_line import wait_until
from small_projects import make_project

from oddwire.operations.locks import watch_lock

SOURCE = "office"
PARAMS = {"sources": {SOURCE: {"format": "zeek", "files": "logs/conn*"}}}
pytestmark = pytest.mark.slow


@contextmanager
def running(project, *arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "oddwire.cli.servers.watched", *arguments], cwd=project.root,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("untrained") / "project", PARAMS)


def test_without_a_champion_it_waits_for_one_until_it_is_told_to_end(untrained):
    with running(untrained, SOURCE) as process:
        told = json.loads(process.stdout.readline())
        assert "champion" in told["waiting"]
        assert process.poll() is None
        process.stdin.close()  # as when who supervises it is gone
        wait_until(lambda: process.poll() is not None, 10, "its end")


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [("nowhere", "ParameterError", "unknown source"), (SOURCE, "WatchedError", "watched already")],
)
def test_what_cannot_be_mended_by_waiting_is_told_with_its_kind(untrained, source, kind, words):
    with watch_lock(untrained, SOURCE), running(untrained, source) as process:
        told = json.loads(process.stdout.readline())["error"]
        assert process.wait(20) == 2
    assert told["kind"] == kind
    assert words in told["message"]

"""How `oddwire watch` ends: by signals, with its input, and with one line where it cannot go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from oddwire.live.state import AlertStore, store_address
from oddwire.project import Project
from tests.live_traffic import traffic
from tests.watched import COMMAND, HEADER, make_watched, zeek_lines

ROWS = 500
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose log is there already; each test goes on where another ended."""
    made = make_watched(tmp_path_factory.mktemp("watched"))
    rows = "".join(zeek_lines(traffic().rows.iloc[:ROWS]))
    (made.root / "logs" / "conn.log").write_text(HEADER + rows)
    return made


def start(project: Project, *options: str, **given: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--from-start", "--json", *options], env=environment(project), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **given,
    )  # fmt: skip


def environment(project: Project) -> dict[str, str]:
    return os.environ | {"ODDWIRE_PROJECT": str(project.root)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_behind_the_rows_that_it_is_at(
    project: Project, number: signal.Signals
) -> None:
    with start(project) as running:
        assert running.stdout is not None
        while json.loads(running.stdout.readline())["rows"] < ROWS:
            pass
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, "")
    *_, shown = map(json.loads, out.splitlines())
    assert (shown["state"], shown["rows"], shown["pid"]) == ("stopped", ROWS, running.pid)
    with AlertStore(store_address(project.live)) as store:
        (beat,) = store.heartbeats()
    assert json.loads(beat.content) == shown


def test_standard_input_that_is_empty_ends_it(project: Project) -> None:
    with start(project, "-", stdin=subprocess.DEVNULL) as running:
        _, err = running.communicate(timeout=120)
    assert (running.returncode, err) == (0, "")


def test_standard_input_that_is_closed(project: Project, tmp_path: Path) -> None:
    command = subprocess.list2cmdline([*COMMAND, "-"])
    ended = subprocess.run(
        ["sh", "-c", f"exec {command} <&-"], env=environment(project), cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2, ended
    assert ended.stderr.splitlines()[-1].startswith("oddwire: error: standard input is closed")
    assert "Traceback" not in ended.stderr

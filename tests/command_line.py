"""The command line under test: called in this process, or started as one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ODDWIRE = Path(sys.executable).with_name("oddwire")
ERROR = "oddwire: error: "


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be JSON and nothing else, without NaN or Infinity."""

        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is no JSON")

        return json.loads(self.out, parse_constant=refuse)

    @property
    def error(self) -> str:
        """The one line that says what to mend: the last one, after lines of progress."""
        lines = self.err.splitlines()
        told = [line for line in lines if line.startswith(ERROR)]
        assert len(told) == 1, self.err
        assert lines[-1] == told[0], self.err
        assert "Traceback" not in self.err + self.out
        assert self.code == 2
        return told[0].removeprefix(ERROR)


def caller(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Return what calls the command line in this process."""

    def call(*arguments: object) -> Ended:
        from oddwire.cli import main

        monkeypatch.setattr(sys, "argv", ["oddwire", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ended(code, *capfd.readouterr())

    return call


def environment(home: Path, **changes: str) -> dict[str, str]:
    """Return an environment in which Prefect keeps its things in ``home``."""
    return {**os.environ, "PREFECT_HOME": str(home), **changes}


def wait_until(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for something to come true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)
    return found


def group_members(group: int) -> list[int]:
    """Return the processes of a group that still run."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [int(pid) for pid, pgid, state in rows if int(pgid) == group and state[0] != "Z"]

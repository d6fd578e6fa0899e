"""A watch that is killed again and again tells what one tells that nobody disturbs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import kill_runs


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked", [("--style", "logrotate", "--seed", "1"), ("--style", "dated", "--send-alerts")]
)
def test_kills_at_random_moments_change_nothing(asked: tuple[str, ...]) -> None:
    """In a program of its own: threads of other tests would not survive its forks."""
    program = Path(kill_runs.__file__)
    found = subprocess.run(
        [sys.executable, str(program), "--kills", "6", "--rows", "1500", *asked],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(program.parents[1]), *sys.path])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.endswith("no difference\n")

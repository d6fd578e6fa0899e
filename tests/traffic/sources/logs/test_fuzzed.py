"""Fuzzed lines of every kind of log: no crash, no invented row, no line lost unseen.

A million of them: ``python benchmarks/fuzzed_logs.py --lines 1000000``.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from small_projects import REPOSITORY

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [0, 1])
def test_every_fuzzed_line_is_read_refused_or_folded(seed: int) -> None:
    """What was read stands in the lines that were not refused."""
    script = REPOSITORY / "benchmarks" / "fuzzed_logs.py"
    options = ("--lines", "6000", "--of-a-file", "300", "--seed", str(seed))
    ran = subprocess.run(
        [sys.executable, str(script), *options], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "6,0" in ran.stdout.splitlines()[-1]

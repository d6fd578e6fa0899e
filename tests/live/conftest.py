"""A disk that is soon full."""

from __future__ import annotations

import os
import subprocess

import pytest


@pytest.fixture
def small_disk(request, tmp_path):
    """Return a folder on a disk of one megabyte, or of as much as is asked for."""
    size = getattr(request, "param", "1m")
    if os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)

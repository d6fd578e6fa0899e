"""A folder is whole or not there, and its manifest lists every file."""

from __future__ import annotations

import subprocess
import sys

import pytest

from oddwire.detection.persistence.manifest import read_verified, write_verified


def test_a_save_that_fails_leaves_nothing(tmp_path):
    def fail(folder):
        (folder / "half").write_text("half")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        write_verified(tmp_path / "model", fail)
    assert list(tmp_path.iterdir()) == []


def test_a_save_that_is_killed_leaves_no_folder_of_that_name(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from oddwire.detection.persistence.manifest import write_verified\n"
        "def write(folder):\n"
        "    (folder / 'half').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_verified(Path(sys.argv[1]), write)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "model"], check=False)
    assert done.returncode == -9
    assert not (tmp_path / "model").exists()
    write_verified(tmp_path / "model", lambda draft: (draft / "x").write_text("x"))
    assert read_verified(tmp_path / "model") == {"x": b"x"}


def test_an_empty_folder_and_missing_parents_are_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "a" / "b"):
        digest = write_verified(folder, lambda draft: (draft / "x").write_text("x"))
        assert read_verified(folder, digest=digest) == {"x": b"x"}


def test_the_same_content_has_the_same_digest(tmp_path):
    digests = {
        write_verified(tmp_path / name, lambda draft: (draft / "x").write_text("x"))
        for name in ("one", "two")
    }
    assert len(digests) == 1

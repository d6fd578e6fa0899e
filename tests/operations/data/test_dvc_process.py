"""What a failed run of DVC is told as."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from oddwire.errors import DataError, ServiceError
from oddwire.operations.data import dvc_process
from oddwire.operations.data.dvc_process import _environment, _failure
from oddwire.project import Project

BEGIN = ["Running stage 'link@m':", "> x", "error: of before", "Running stage 'prepare@m':", "> x"]
LOG = Path("data/logs/dvc-repro-m.failed.log")
KILLED = "killed by signal 9; the kernel does this when memory is short"


def ended(code, *said):
    end = f"ERROR: failed to reproduce 'prepare@m': failed to run: python -m x, exited with {code}"
    return [*BEGIN, *said, end]


@pytest.mark.parametrize(
    ("lines", "kind", "says"),
    [
        (ended(2, "some warning", "error: f.csv is empty"), DataError, "f.csv is empty"),
        (
            ended(1, "Traceback (most recent call last):", "  File x", "KeyError: 'a'"),
            ServiceError, f"stage 'prepare@m' failed: KeyError: 'a' (its log: {LOG})",
        ),
        (
            ended(1, "Traceback (most recent call last):", "  File x", "ValueError: two", "lines"),
            ServiceError, f"stage 'prepare@m' failed: ValueError: two (its log: {LOG})",
        ),
        (
            ended(1, "\x1b[2Jlast words", ""),
            ServiceError, f"stage 'prepare@m' failed: \ufffd[2Jlast words (its log: {LOG})",
        ),
        (
            ended(-9),
            ServiceError, f"stage 'prepare@m' was {KILLED} (its log: {LOG})",
        ),
        (
            ended(137, "bash: line 1: 7 Killed"),
            ServiceError, f"stage 'prepare@m' was {KILLED} (its log: {LOG})",
        ),
        (
            ended(134, "Aborted"),
            ServiceError, f"stage 'prepare@m' was killed by signal 6 (its log: {LOG})",
        ),
        (
            ended(3),
            ServiceError, f"stage 'prepare@m' failed without a word, exit code 3 (its log: {LOG})",
        ),
        (
            ["x", "ERROR: a", "y", "ERROR: b"],
            ServiceError, f"dvc repro failed: ERROR: a ERROR: b (its log: {LOG})",
        ),
        (list("abcdefgh"), ServiceError, f"dvc repro failed: c d e f g h (its log: {LOG})"),
    ],
)  # fmt: skip
def test_the_line_that_says_most_becomes_the_error(lines, kind, says):
    error = _failure(lines, 255, log=LOG)
    assert type(error) is kind
    assert str(error) == says


def test_dvc_itself_may_be_killed_and_a_log_may_be_impossible():
    assert str(_failure([], -9, log=None)) == (f"dvc repro failed: {KILLED}")


def test_a_log_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "file").touch()
    with dvc_process._log(tmp_path / "file" / "x.log") as kept:
        kept.write("words")
    with pytest.raises(FileNotFoundError), dvc_process._log(tmp_path / "x.log"):
        raise FileNotFoundError("of the body")


@pytest.mark.parametrize("why", ["no git repository", None])
def test_dvc_is_told_of_no_repository_beside_what_the_machine_has_set(tmp_path, monkeypatch, why):
    (tmp_path / "config").write_text(
        "[core]\n    remote = far\n['remote \"far\"']\n    url = /x%y\n"
    )
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path))
    monkeypatch.setattr(dvc_process, "why_no_repository", lambda _: why)
    with _environment(Project(tmp_path)) as environment:
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(Path(environment["DVC_SYSTEM_CONFIG_DIR"]) / "config")
    assert settings["core"]["remote"] == "far"
    assert settings["core"].get("no_scm") == ("true" if why else None)
    assert settings["'remote \"far\"'"]["url"] == "/x%y"


def test_a_brace_in_the_path_is_told_before_dvc_trips_over_it(tmp_path):
    root = tmp_path / "{y}"
    root.mkdir()
    with pytest.raises(ServiceError, match="a brace in its name"):
        dvc_process.run_dvc(Project(root), ["status"], log="x", step="x")
    assert not any(root.iterdir())

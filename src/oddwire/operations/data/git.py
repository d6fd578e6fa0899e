"""What git says of a project, and why it says nothing: not every project is in a repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

NOT_INSTALLED = "git is not installed"
NO_REPOSITORY = "no git repository"
ANOTHER_USERS = "git refuses the repository of another user (safe.directory)"
IGNORED = "the repository around the project ignores it"
NO_COMMIT = "no git commit yet"
FAILED = "git failed in this folder"


def git(root: Path, *arguments: str) -> str | None:
    """Return what a git command prints, None where it fails."""
    done = _run(root, *arguments)
    return None if done is None or done.returncode else done.stdout


def why_no_repository(root: Path) -> str | None:
    """Say why no git repository keeps a project, None where one does."""
    done = _run(root, "rev-parse", "--is-inside-work-tree")
    if done is None:
        return NOT_INSTALLED
    if done.returncode:
        return _refusal(done.stderr)
    if done.stdout.strip() != "true":  # inside .git, or a bare repository
        return NO_REPOSITORY
    # Somebody's home may be a repository that ignores all but a few files.
    return IGNORED if git(root, "check-ignore", "-q", "dvc.yaml") is not None else None


def why_no_commit(root: Path) -> str:
    """Say why a project has no commit."""
    return why_no_repository(root) or NO_COMMIT


def _refusal(reason: str) -> str:
    if "dubious ownership" in reason:
        return ANOTHER_USERS
    return NO_REPOSITORY if "not a git repository" in reason else FAILED


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - whichever git the person uses
            cwd=root,
            env={**os.environ, "LC_ALL": "C"},  # its reasons are read, in English
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError:
        return None

"""The git repository that holds a project."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground

_SECONDS = 10.0
_OLD = 60.0  # seconds after which git has ended


def tracked(root: Path, file: str) -> bool:
    """Tell whether git's last commit holds a file."""
    return _git(root, "cat-file", "-e", f"HEAD:./{file}") is not None


def see_git(ground: Ground) -> Iterator[Finding | Fact]:
    """Look at the git repository."""
    root = ground.root
    top = _git(root, "rev-parse", "--absolute-git-dir")
    if top is None:
        text = "no git repository: results do not say of which code they are (`git init`)"
        yield Fact(text, figure=True)
        return
    lock = Path(top.strip()) / "index.lock"
    if _age(lock) > _OLD and not _runs("git"):
        yield Finding(
            subject="git", problem="index.lock was left by a git that was killed: nothing can be "
            "committed", remedy=f"rm {quoted(lock, root)}",
        )  # fmt: skip
    commit = _git(root, "rev-parse", "--short", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".") or ""
    state = f"{len(changed.splitlines())} files changed since" if changed else "nothing changed"
    yield Fact("git: no commit yet" if commit is None else f"git: commit {commit.strip()}, {state}")


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", *arguments]  # `git status` would write its index
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, cwd=root, capture_output=True, text=True, errors="replace", check=True,
            timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _age(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0.0


def _runs(name: str) -> bool:
    return any(process.info["name"] == name for process in psutil.process_iter(["name"]))

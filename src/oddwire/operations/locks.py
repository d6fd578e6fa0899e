"""Who may work on a source, and who must wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from oddwire.operations.progress import waiting
from oddwire.project import Project


@contextmanager
def source_lock(project: Project, source: str) -> Iterator[None]:
    """Let one training of a source run at a time on this machine; the others wait."""
    with lock(project.locks / f"train-{source}.lock", f"another training of {source}"):
        yield


@contextmanager
def dvc_lock(project: Project) -> Iterator[None]:
    """Let one process of the project run DVC at a time: a second one would fail on DVC's lock."""
    with lock(project.dvc_guard, "another dvc repro"):
        yield


@contextmanager
def lock(file: Path, holder: str) -> Iterator[None]:
    """Hold a lock file; where another process holds it, say whom this one waits for."""
    file.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(file)
    try:
        held.acquire(timeout=0)
    except Timeout:
        with waiting(f"waiting for {holder} to end"):
            held.acquire()
    try:
        yield
    finally:
        held.release()

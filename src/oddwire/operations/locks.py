"""Who may work on a source, and who must wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from oddwire.errors import WatchedError
from oddwire.faults import faults_as_errors, nothing_can_be_written
from oddwire.operations.progress import waiting
from oddwire.project import Project

# Names of locks begin so; a source is watched for as long as it is there.
WATCHED, SUPERVISED = "watch-", "supervise-"


@contextmanager
def source_lock(project: Project, source: str) -> Iterator[None]:
    """Let one training of a source run at a time on this machine; the others wait."""
    with lock(project.locks / f"train-{source}.lock", f"another training of {source}"):
        yield


@contextmanager
def dvc_lock(project: Project, *, needed: bool = True) -> Iterator[None]:
    """Let one process of the project run DVC at a time: a second one would fail on DVC's lock.

    Who only reads what DVC wrote does not need it: see `lock`.
    """
    with lock(project.dvc_guard, "another dvc repro", needed=needed):
        yield


@contextmanager
def watch_lock(project: Project, source: str, *, supervising: bool = False) -> Iterator[None]:
    """Let one process of this machine follow a source: a second one would only disturb the first.

    Trainings, ingests and DVC do not wait for it.

    Parameters
    ----------
    supervising
        Whether this process only keeps another one running, which takes the lock itself.

    Raises
    ------
    WatchedError
        If the source is watched already.
    """
    held = FileLock(project.locks / f"{SUPERVISED if supervising else WATCHED}{source}.lock")
    with faults_as_errors():
        project.locks.mkdir(parents=True, exist_ok=True)
        try:
            held.acquire(timeout=0)
        except Timeout:
            raise WatchedError(
                f"{source} is watched already: end that `oddwire watch`, or cancel the run of the "
                "deployment `watch`, first"
            ) from None
    try:
        yield
    finally:
        held.release()


@contextmanager
def lock(file: Path, holder: str, *, needed: bool = True) -> Iterator[None]:
    """Hold a lock file; where another process holds it, say whom this one waits for.

    Parameters
    ----------
    needed
        Whether what is done inside must not be done without it. One who mostly reads goes on
        where the lock's folder is closed to this process, as one on a read-only disk.

    Raises
    ------
    ServiceError
        If the file cannot be made.
    """
    held = FileLock(file)
    with faults_as_errors():
        _acquire(held, file, holder, needed=needed)
    try:
        yield
    finally:
        held.release()


def _acquire(held: FileLock, file: Path, holder: str, *, needed: bool) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=0)
    except Timeout:
        with waiting(f"waiting for {holder} to end"):
            held.acquire()
    except OSError as error:
        if needed or not nothing_can_be_written(error):
            raise

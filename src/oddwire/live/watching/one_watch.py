"""One process watches a source: two would deliver the same messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from oddwire.errors import ServiceError
from oddwire.faults import faults_told
from oddwire.project import Project


@contextmanager
def only_watch(project: Project, source: str) -> Iterator[None]:
    """Be the one process on this machine that watches a source of a project.

    The kernel frees the lock of a process that was killed. Across machines the store of alerts
    takes the commits of one alone.

    Raises
    ------
    ServiceError
        If another process watches it.
    """
    with faults_told():
        project.live.mkdir(parents=True, exist_ok=True)
        held = FileLock(project.live / f"watch-{source}.lock")
        try:
            held.acquire(timeout=0)
        except Timeout:
            raise ServiceError(
                f"source {source!r} is watched by another process already: end that one first"
            ) from None
    try:
        yield
    finally:
        held.release()

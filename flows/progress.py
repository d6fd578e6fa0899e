"""Progress of a flow: log lines on the Prefect page, and bars where a terminal watches."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from oddwire.operations.progress import Progress, progress, watched_by


@dataclass(frozen=True)
class _Logged(Progress):
    """Tells the flow run's log, and the one who watched before."""

    logger: logging.Logger | logging.LoggerAdapter[logging.Logger]
    other: Progress

    def begin(self, step: str, total: int | None = None) -> None:
        self.logger.info("%s%s", step, f": {total} parts" if total else "")
        self.other.begin(step, total)

    def advance(self, step: str, note: str = "") -> None:
        self.logger.info("%s: %s", step, note)
        self.other.advance(step, note)

    def end(self, step: str, *, failed: bool = False) -> None:
        self.other.end(step, failed=failed)


@contextmanager
def logged_progress(
    logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
) -> Iterator[None]:
    """Log the progress of everything inside."""
    with watched_by(_Logged(logger, progress())):
        yield

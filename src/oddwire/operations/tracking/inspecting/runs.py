"""Runs that have not ended, and when the newest one began."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from oddwire.operations.tracking.owners import is_dead
from oddwire.operations.tracking.store import Tracking

if TYPE_CHECKING:
    from mlflow.entities import Run

_OWNER = "owner"


def running(tracking: Tracking, source: str) -> Iterator[tuple[Run, bool]]:
    """Yield the runs of a source that have not ended, and whether their process is gone."""
    found = tracking.client.get_experiment_by_name(source)
    if found is not None:
        page = tracking.client.search_runs(
            [found.experiment_id], "attributes.status = 'RUNNING'", max_results=1000
        )
        for run in page:
            yield run, is_dead(run.data.tags.get(_OWNER, ""))


def newest_start(tracking: Tracking, source: str) -> float | None:
    """Return when the newest run of a source began, in seconds from now on; None without one."""
    found = tracking.client.get_experiment_by_name(source)
    if found is None:
        return None
    page = tracking.client.search_runs(
        [found.experiment_id], max_results=1, order_by=["attributes.start_time DESC"]
    )
    return page[0].info.start_time / 1000 - time.time() if page else None

"""MLflow's store as `oddwire doctor` looks at it: opened as it is, or not at all.

MLflow by itself makes the tables of a database that has none, and brings older ones to its own.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from oddwire.operations.tracking import client as store_client
from oddwire.operations.tracking.addresses import check_uri
from oddwire.operations.tracking.owners import is_dead
from oddwire.operations.tracking.store import Tracking, local_uri
from oddwire.project import Project

if TYPE_CHECKING:
    from mlflow.entities import Run

_OWNER = "owner"


def opened(uri: str, project: Project) -> Tracking:
    """Open a store whose tables are those of this MLflow.

    Raises
    ------
    OddwireError
        If it does not answer.
    """
    check_uri(uri)
    local = uri == local_uri(project)
    artifacts = project.mlruns / "artifacts" if local else None
    return Tracking(store_client.connect(uri), uri, artifacts)


def newest_revision() -> str:
    """Return the revision of the tables that this MLflow needs."""
    from mlflow.store.db.utils import _get_latest_schema_revision

    return str(_get_latest_schema_revision())  # type: ignore[no-untyped-call]


def revision(database: sqlite3.Connection) -> str | None:
    """Return the revision of a SQLite database's tables; None where they are not MLflow's."""
    try:
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    return None if row is None else str(row[0])


def revision_at(uri: str) -> str | None:
    """Return the revision of the tables of a database that a server keeps."""
    from mlflow.store.db.utils import _get_schema_version
    from sqlalchemy import create_engine

    engine = create_engine(uri)
    try:
        found = _get_schema_version(engine)  # type: ignore[no-untyped-call]
    finally:
        engine.dispose()
    return None if found is None else str(found)


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


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite store, None for any other store."""
    scheme, found, path = uri.partition(":///")
    return Path(path.partition("?")[0]) if found and scheme == "sqlite" else None

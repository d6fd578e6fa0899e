"""Which revision the tables of a store have, and the store opened as it is.

MLflow by itself makes the tables of a database that has none, and brings older ones to its own.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from oddwire.operations.tracking import client as store_client
from oddwire.operations.tracking.addresses import check_uri, local_uri
from oddwire.operations.tracking.store import Tracking
from oddwire.project import Project


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


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite store, None for any other store."""
    scheme, found, path = uri.partition(":///")
    return Path(path.partition("?")[0]) if found and scheme == "sqlite" else None

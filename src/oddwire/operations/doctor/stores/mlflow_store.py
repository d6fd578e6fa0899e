"""MLflow's store: readable, whole, of the tables of this MLflow; opened for the other looks.

Nothing is changed: MLflow by itself would make a database that is not there, and bring an older one
to its own tables.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from oddwire.errors import OddwireError
from oddwire.masking import masked
from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.tracking.addresses import URI_VARIABLE, check_uri, store_uri
from oddwire.operations.tracking.inspecting import tables

_SECONDS = 10.0  # that the check of all pages may take
_BUSY = 2.0


def see_store(ground: Ground) -> Iterator[Finding | Fact]:
    """Look at the store, and open it for the other looks if it is sound."""
    uri = store_uri(ground.project)
    file = tables.sqlite_file(uri)
    if file is not None and not file.exists():
        yield Fact("MLflow: no store yet, the first training makes it")
        return
    sound = True
    for each in _elsewhere(uri) if file is None else _database(ground, file, uri):
        sound = sound and isinstance(each, Fact)
        yield each
    if not sound:
        return
    try:
        ground.store = tables.opened(uri, ground.project)
    except OddwireError as error:
        yield _no_answer(str(error))
        return
    shown = masked(uri) if file is None else quoted(file, ground.root)
    yield Fact(f"MLflow store {shown}")


def _elsewhere(uri: str) -> Iterator[Finding]:
    """Yield what is wrong with a store of another machine, or of a database server."""
    try:
        check_uri(uri)
        # A server keeps its own database up to date.
        found = expected = ""
        if not uri.startswith("http"):
            found, expected = tables.revision_at(uri) or "", tables.newest_revision()
    except OddwireError as error:
        yield _no_answer(str(error))
        return
    except Exception as error:  # noqa: BLE001 - the drivers' own
        # Their texts quote the address.
        yield _no_answer(f"{masked(uri)}: {type(error).__name__}")
        return
    if found != expected:
        yield _other_tables(uri, found, expected)


def _no_answer(problem: str) -> Finding:
    named = bool(os.environ.get(URI_VARIABLE))
    return Finding(
        subject="MLflow", problem=problem,
        remedy=f"unset {URI_VARIABLE}  # then mlruns/ is used; or start that server"
        if named else "oddwire sources",
    )  # fmt: skip


def _database(ground: Ground, file: Path, uri: str) -> Iterator[Finding | Fact]:
    shown = quoted(file, ground.root)
    try:
        with closing(_read_only(file)) as database:
            found = tables.revision(database)
            whole = _integrity(database)
    except sqlite3.DatabaseError as error:
        yield _unreadable(ground, file, str(error))
        return
    if whole is None:
        yield Fact(f"{shown} can be read; checking all of it takes too long")
    elif whole:
        yield Finding(subject=shown, problem=f"is damaged: {whole}", remedy=_salvage(ground))
        return
    expected = tables.newest_revision()
    if found != expected:
        yield _other_tables(uri, found, expected)


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=_BUSY)


def _integrity(database: sqlite3.Connection) -> str | None:
    """Return what is damaged, empty where nothing is; None where it cannot be told in time."""
    until = time.monotonic() + _SECONDS
    database.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    try:
        lines = [str(row[0]) for row in database.execute("PRAGMA integrity_check(3)")]
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return None
        raise
    finally:
        database.set_progress_handler(None, 0)
    return "" if lines == ["ok"] else "; ".join(lines)


def _unreadable(ground: Ground, file: Path, error: str) -> Finding:
    shown = quoted(file, ground.root)
    if "locked" in error:
        return Finding(
            subject=shown, problem="another process holds the database, and all others wait for it",
            remedy=f"fuser -v {shown}  # or: lsof {shown}; then end it",
        )  # fmt: skip
    if not os.access(file, os.R_OK):
        return Finding(
            subject=shown, problem="this user may not read it", remedy=f"chmod u+rw {shown}"
        )
    journal = file.with_name(f"{file.name}-journal")
    if journal.exists() and "readonly" in error.replace("-", ""):
        return Finding(
            subject=shown, severity="warning",
            problem="a process was killed while it wrote; who writes next undoes its half",
            remedy="oddwire sources",
        )  # fmt: skip
    return Finding(subject=shown, problem=f"cannot be read: {error}", remedy=_salvage(ground))


def _salvage(ground: Ground) -> str:
    """Return the command that saves what can still be read of the database."""
    file = ground.project.mlruns / "mlflow.db"
    old = quoted(file.with_name("mlflow.db.damaged"), ground.root)
    shown = quoted(file, ground.root)
    if shutil.which("sqlite3"):
        return f"mv {shown} {old} && sqlite3 {old} .recover | sqlite3 {shown}"
    return f"mv {shown} {old}  # a new one is made; or put a copy of yours in its place"


def _other_tables(uri: str, found: str | None, expected: str) -> Finding:
    return Finding(
        subject="MLflow",
        problem=f"the tables of its database are of {found or 'no version'}, this MLflow needs "
        f"{expected}: make a copy of it, then bring it up to date",
        remedy=f"mlflow db upgrade {shlex.quote(masked(uri))}",
    )  # fmt: skip

"""The database itself: opened, its transactions, and what is tried again when it fails.

SQLite by default, in write-ahead mode: readers (the page, ``oddwire incidents``) never hold up the
follower. A transaction that writes takes the lock as it begins: one that reads first and is then
refused the lock would fail at once, whatever the time that it may wait.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from oddwire.errors import NoStoreError, ParameterError, ServiceError
from oddwire.faults import fault_of
from oddwire.live.state.tables import FOREIGN, versions
from oddwire.masking import masked, reason

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

STORE_VARIABLE = "ODDWIRE_ALERTS_STORE"
STORE_FILE = "alerts.db"
_BUSY_SECONDS = 5.0
_LONGEST_LOG = 8 << 20  # bytes that SQLite's write-ahead log is cut back to after a large commit
# In full: a power cut takes no commit that an outbox was emptied by.
_WRITER = (
    "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON",
    f"journal_size_limit={_LONGEST_LOG}",
)  # fmt: skip
_READER = ("query_only=ON",)
_POSTGRESQL_OPTIONS = {"connect_timeout": 10, "application_name": "oddwire"}
_READS = "oddwire_reads"
# Of all that SQLite says, what another try may mend.
_PASSING = ("is locked", "database or disk is full", "disk I/O error")
_AT_ONCE = 500  # ids in one statement: SQLite takes no more than 32,766, older ones 999
_T = TypeVar("_T")


def store_address(folder: Path) -> str:
    """Return the address of the store: the environment's, else a file in a folder.

    Parameters
    ----------
    folder
        `Project.live`.
    """
    return os.environ.get(STORE_VARIABLE) or own_address(folder)


def own_address(folder: Path) -> str:
    """Return the address of a project's own store, in its `Project.live`."""
    return f"sqlite:///{folder / STORE_FILE}"


def in_pieces(ids: Collection[_T]) -> Iterator[list[_T]]:
    """Yield ids in pieces that one statement takes."""
    listed = list(ids)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]


class Database:
    """A connection pool to the store, with transactions that are tried again.

    Parameters
    ----------
    address
        ``sqlite:///…`` or ``postgresql…://…``.
    patience
        Seconds for which a transaction that fails for a fault of the machine (locked, full, no
        answer) is tried again.
    read_only
        Whether nothing is to be written, and no file made where there is none.

    Raises
    ------
    NoStoreError
        If it is only to be read, and is not there.
    """

    def __init__(self, address: str, *, patience: float = 60.0, read_only: bool = False) -> None:
        self.address, self.patience = address, patience
        self.engine = _engine(address, read_only=read_only)
        file = self.engine.url.database if self.engine.url.get_backend_name() == "sqlite" else None
        self._file = Path(file) if file else None
        self._place: tuple[int, int] | None = None  # of the file, once something was written to it
        if self._file and read_only and not self._file.exists():
            raise self.not_there()
        if self._file and not read_only:
            self._make_folder(self._file.parent)
            _refuse_foreign(self._file)

    def write(self, steps: Callable[[Connection], _T]) -> _T:
        """Return what steps return; they are in one transaction, and may be run again."""
        return self._tried(lambda: self._written(steps))

    def read(self, steps: Callable[[Connection], _T]) -> _T:
        """Return what steps return, which see one state of the database."""
        return self._tried(lambda: self._looked_up(steps))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def not_there(self) -> NoStoreError:
        """Return the error of a store that is only to be read and was never made."""
        return NoStoreError(
            f"{self._named()} is not there yet: `oddwire watch SOURCE` makes it with its first "
            "connections"
        )

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServiceError(f"{self._named()} failed: {folder}: {error.strerror}") from error

    def _written(self, steps: Callable[[Connection], _T]) -> _T:
        with self.engine.begin() as connection:
            self._check_place(connection)
            done = steps(connection)
            self._check_place(connection)  # or what is committed now would be gone with the file
            return done

    def _check_place(self, connection: Connection) -> None:
        """Refuse to write to a file that was taken away: who reads finds another, or none."""
        if self._file is None:
            return
        try:
            found = self._file.stat()
        except FileNotFoundError:
            place = None
        except OSError:  # its folder cannot be looked into for a while
            return
        else:
            place = found.st_dev, found.st_ino
        if self._place is None:
            self._place = place
        if place != self._place:
            # The file is to be whole wherever it is, and what was not yet in it not to get into the
            # one that has its place.
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            what = "moved or removed" if place is None else "replaced by another file"
            raise ServiceError(
                f"{self._named()} was {what} while it was in use: the next watch goes on from what "
                "lies there by then, and begins anew where that is nothing"
            )

    def _looked_up(self, steps: Callable[[Connection], _T]) -> _T:
        with self.engine.connect().execution_options(**{_READS: True}) as connection:
            if self._place is not None:
                self._check_place(connection)
            return steps(connection)

    def _tried(self, attempt: Callable[[], _T]) -> _T:
        from sqlalchemy.exc import DBAPIError
        from tenacity import (
            Retrying,
            retry_if_exception,
            stop_after_delay,
            wait_random_exponential,
        )

        retrying = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_delay(self.patience),
            wait=wait_random_exponential(multiplier=0.1, max=5),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except (DBAPIError, sqlite3.Error) as error:
            said = fault_of(error) or reason(getattr(error, "orig", error), self.address)
            raise ServiceError(f"{self._named()} failed: {said}") from error

    def _named(self) -> str:
        from_environment = os.environ.get(STORE_VARIABLE) == self.address
        given = f" of {STORE_VARIABLE}" if from_environment else ""
        return f"the store of alerts{given} ({masked(self.address)})"


def _refuse_foreign(file: Path) -> None:
    """Refuse a file of something else before it is opened to be written, which changes it."""
    if not file.is_file() or not file.stat().st_size:
        return
    asked = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as opened:
            there = [name for (name,) in opened.execute(asked)]
    except sqlite3.Error:  # said when it is opened
        return
    if there and versions.name not in there:
        raise ServiceError(FOREIGN.format(there[0]))


def _may_pass(error: BaseException) -> bool:
    """Tell whether a transaction may succeed later: a fault of the machine, or no answer."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    if isinstance(error, sqlite3.Error) or isinstance(getattr(error, "orig", None), sqlite3.Error):
        return any(words in str(error) for words in _PASSING)
    return isinstance(error, OperationalError | InterfaceError)


def _engine(address: str, *, read_only: bool) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    wrong = f"{STORE_VARIABLE} must be sqlite:///FILE or postgresql://…, got {masked(address)}"
    try:
        url = make_url(address)
        kind = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise ParameterError(wrong) from None
    if kind not in {"sqlite", "postgresql"} or (
        kind == "sqlite" and url.database in {None, "", ":memory:"}
    ):
        raise ParameterError(wrong)
    try:
        if kind == "postgresql":
            return create_engine(url, pool_pre_ping=True, connect_args=_POSTGRESQL_OPTIONS)
        opened = {"creator": _reader_of(url)} if read_only else {}
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, **opened)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise ParameterError(f"{STORE_VARIABLE} names a driver that is not here: {error}") from None
    _prepare_sqlite(engine, _READER if read_only else _WRITER)
    return engine


def _reader_of(url: URL) -> Callable[[], sqlite3.Connection]:
    """Return what opens a file that is there. A reader may have to make its log's index anew."""
    place = f"file:{quote(str(Path(url.database or '').absolute()))}?mode=rw"

    def opened() -> sqlite3.Connection:
        return sqlite3.connect(place, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False)

    return opened


def _prepare_sqlite(engine: Engine, pragmas: Collection[str]) -> None:
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where `begin` says
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

"""Where studies are kept: in a journal file of their own, or in a database.

A journal that is damaged is set aside whole, and goes on with what stands before the damage. What
stands after it is left out, though it may be readable: a line names its trial by the number of
trials begun before it, so that after a lost line values would go to the wrong trials.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oddwire.disk.damaged import set_aside
from oddwire.disk.drafts import whole_file
from oddwire.errors import ServiceError
from oddwire.masking import masked, reason
from oddwire.operations.progress import step

if TYPE_CHECKING:
    import optuna

STORAGE_VARIABLE = "ODDWIRE_OPTUNA_STORAGE"


def journal_of(folder: Path, source: str, detector: str) -> Path:
    """Return the journal of a detector's studies on a source."""
    return folder / f"{source}.{detector}.journal"


def open_storage(journal: Path) -> optuna.storages.BaseStorage:
    """Open the database that ``ODDWIRE_OPTUNA_STORAGE`` names, or else a journal.

    Raises
    ------
    ServiceError
        If the database fails, or the journal cannot be read or written.
    """
    url = os.environ.get(STORAGE_VARIABLE)
    if url:
        return _database(url)
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
        _mend_end(journal)
        return _opened(journal)
    except OSError as error:
        raise ServiceError(f"the study journal {journal} failed: {error.strerror}") from error


def _database(url: str) -> optuna.storages.BaseStorage:
    import optuna

    try:
        return optuna.storages.RDBStorage(url)
    except Exception as error:  # noqa: BLE001 - the drivers' own errors pass through SQLAlchemy
        raise ServiceError(
            f"the Optuna storage {masked(url)} of {STORAGE_VARIABLE} failed: {reason(error, url)}"
        ) from None


def _mend_end(journal: Path) -> None:
    """Undo what a kill in the middle of a write leaves: a torn last line and a stale lock.

    Only one training of a source runs at a time, so no other process can hold the lock.
    """
    for lock in journal.parent.glob(f"{journal.name}.lock*"):
        lock.unlink(missing_ok=True)
    if not journal.exists():
        return
    content = journal.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        os.truncate(journal, whole)


def _opened(journal: Path) -> optuna.storages.BaseStorage:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    class Counting(JournalFileBackend):
        """Counts the lines that were taken in: Optuna asks for the next one after each."""

        taken = 0

        def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:  # type: ignore[override]
            for log in super().read_logs(log_number_from):
                yield log
                self.taken += 1

    backend = Counting(str(journal))
    try:
        optuna.storages.JournalStorage(backend)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - Optuna trusts each line: what it stumbles over may be any
        _keep_whole(journal, backend.taken)
    else:
        # A last line that is no JSON is an error to Optuna only when another follows.
        lines = journal.read_bytes().count(b"\n")
        if backend.taken < lines:
            _keep_whole(journal, backend.taken)
    return optuna.storages.JournalStorage(JournalFileBackend(str(journal)))


def _keep_whole(journal: Path, lines: int) -> None:
    content = journal.read_bytes().splitlines(keepends=True)
    with whole_file(journal) as draft:
        draft.write_bytes(b"".join(content[:lines]))
        aside = set_aside(journal)  # last: a kill before it loses nothing
    with step(
        f"the study journal {journal.name} is damaged from line {lines + 1} on: set aside as"
        f" {aside}, goes on with what is before"
    ):
        pass

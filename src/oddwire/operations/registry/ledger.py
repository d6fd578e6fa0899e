"""The append-only ledger of promotions: one JSON object a line, the newest last."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oddwire.disk.drafts import sync_folder
from oddwire.errors import ServiceError
from oddwire.params.values.paths import file_fault
from oddwire.project import Project

BY_HAND, ROLLED_BACK, ALREADY_CHAMPION = "promoted by hand", "rolled back", "already champion"
HAND_MADE = {BY_HAND, ROLLED_BACK}  # all others are the outcome of a training's decision


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One entry, as people read it.

    Parameters
    ----------
    who
        A user, or the flow run that did it; None in entries of before this was kept.
    version
        The version that it was about.
    before, after
        The champion before and after it; None where there was none, or it was not kept.
    """

    time: str
    who: str | None
    action: str
    version: str
    before: str | None
    after: str | None
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "time": self.time, "who": self.who, "action": self.action, "version": self.version,
            "from": self.before, "to": self.after, "why": self.why,
        }  # fmt: skip


@dataclass(frozen=True)
class History:
    """What the ledger says of a source, the newest first, and which lines of it are damaged.

    Lines are counted from 1, those of all sources: of whom a damaged one is cannot be told.
    """

    entries: tuple[LedgerEntry, ...]
    damaged: tuple[int, ...] = ()


def of_project(project: Project) -> Path:
    """Return the file of a project's ledger."""
    return project.mlruns / "promotions.jsonl"


def append(ledger: Path, entry: dict[str, Any]) -> None:
    """Write an entry as one line of JSON, and wait until it is on the disk.

    Raises
    ------
    ServiceError
        If it cannot be written; the ledger is as it was then.
    """
    line = (json.dumps(entry, sort_keys=True) + "\n").encode()
    try:
        ledger.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(ledger, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # Lines of two processes never mix, and none looks at the end while another writes.
            fcntl.flock(handle, fcntl.LOCK_EX)
            new = _append(handle, line)
        finally:
            os.close(handle)
        if new:
            sync_folder(ledger.parent)
    except OSError as error:
        raise ServiceError(f"cannot write the ledger {ledger}: {error.strerror}") from error


def _append(handle: int, line: bytes) -> bool:
    """Write a line at the end, and say whether it is the first one."""
    size = os.fstat(handle).st_size
    # A process that was killed may have left half a line, which must not swallow this one.
    if size and os.pread(handle, 1, size - 1) != b"\n":
        line = b"\n" + line
    try:
        while line:  # a disk that fills up takes a part
            line = line[os.write(handle, line) :]
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, size)  # this is no entry: nobody acted on it
        raise
    return size == 0


def read(ledger: Path, source: str) -> History:
    """Read what the ledger says of a source; a ledger that is not there says nothing.

    Raises
    ------
    ServiceError
        If it cannot be read.
    """
    entries, damaged = [], []
    for number, line in enumerate(_lines(ledger), start=1):
        if not line.strip():
            continue
        try:
            kept = _entry(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            damaged.append(number)
            continue
        if kept[0] == source:
            entries.append(kept[1])
    return History(tuple(reversed(entries)), tuple(damaged))


def _lines(ledger: Path) -> list[bytes]:
    if ledger.exists() and (fault := file_fault(ledger)) is not None:  # a device never ends
        raise ServiceError(f"the ledger {ledger} {fault}")
    try:
        return ledger.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ServiceError(f"cannot read the ledger {ledger}: {error.strerror}") from error


def _entry(kept: dict[str, Any]) -> tuple[str, LedgerEntry]:
    """Return an entry and the source that it is of."""
    # The first entries had "outcome" for the action, and did not say who and from where.
    action = kept.get("action", kept.get("outcome", "unknown"))
    version = kept["version"]
    needed = (kept["source"], kept["time"], action, version)
    if not all(isinstance(value, str) for value in needed):
        raise TypeError(f"these must be text: {needed}")
    return kept["source"], LedgerEntry(
        time=kept["time"],
        who=_text(kept.get("who")),
        action=action,
        version=version,
        before=_text(kept.get("from")),
        after=_text(kept.get("to", version if action == "promoted" else None)),
        why=str(kept.get("reason", "")),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)

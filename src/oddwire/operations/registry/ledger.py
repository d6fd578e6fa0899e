"""The append-only ledger of promotions: one JSON object a line, the newest last."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """What the ledger says of a source, the newest first, and how many lines cannot be read."""

    entries: tuple[LedgerEntry, ...]
    unreadable: int


def of_project(project: Project) -> Path:
    """Return the file of a project's ledger."""
    return project.mlruns / "promotions.jsonl"


def append(ledger: Path, entry: dict[str, Any]) -> None:
    """Write an entry as one line of JSON, and wait until it is on the disk."""
    line = (json.dumps(entry, sort_keys=True) + "\n").encode()
    ledger.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(ledger, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        # Lines of two processes never mix, and none looks at the end while another writes there.
        fcntl.flock(handle, fcntl.LOCK_EX)
        # A process that was killed may have left half a line, which must not swallow this one.
        os.write(handle, line if _ends_with_a_line(handle) else b"\n" + line)
        os.fsync(handle)
    finally:
        os.close(handle)


def _ends_with_a_line(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return size == 0 or os.pread(handle, 1, size - 1) == b"\n"


def read(ledger: Path, source: str) -> History:
    """Read what the ledger says of a source; a ledger that is not there says nothing."""
    entries, unreadable = [], 0
    content = ledger.read_bytes() if ledger.is_file() else b""
    for line in filter(None, map(bytes.strip, content.split(b"\n"))):
        try:
            kept = json.loads(line)
            if kept["source"] == source:
                entries.append(_entry(kept))
        except (ValueError, KeyError, TypeError, RecursionError):
            unreadable += 1
    return History(tuple(reversed(entries)), unreadable)


def _entry(kept: dict[str, Any]) -> LedgerEntry:
    # The first entries had "outcome" for the action, and did not say who and from where.
    action = str(kept.get("action", kept.get("outcome", "unknown")))
    version = str(kept["version"])
    return LedgerEntry(
        time=str(kept["time"]),
        who=_text(kept.get("who")),
        action=action,
        version=version,
        before=_text(kept.get("from")),
        after=_text(kept.get("to", version if action == "promoted" else None)),
        why=str(kept.get("reason", "")),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)

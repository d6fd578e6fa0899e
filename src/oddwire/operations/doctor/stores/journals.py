"""Optuna's journals, line by line; and those that were set aside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from oddwire.disk.damaged import all_set_aside
from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.search.journals import STORAGE_VARIABLE

_MOST_BYTES = 200 * 1024 * 1024  # read of a journal


def see_journals(ground: Ground) -> Iterator[Finding | Fact]:
    """Look for lines that are no JSON: Optuna stops at the first."""
    if os.environ.get(STORAGE_VARIABLE):
        yield Fact(f"Optuna: studies are in the database of {STORAGE_VARIABLE}")
        return
    whole = 0
    for journal in sorted(ground.project.studies.glob("*.journal")):
        shown = quoted(journal, ground.root)
        try:
            damaged = _damaged_line(journal)
        except OSError as error:
            yield Finding(
                subject=shown, problem=f"cannot be read: {error.strerror}",
                remedy=f"chmod u+rw {shown}",
            )  # fmt: skip
            continue
        if damaged is None:
            whole += 1
        else:
            yield Finding(
                subject=shown,
                problem=f"line {damaged} is damaged, and with it the trials after it",
                remedy=f"mv {shown} {shown}.damaged",
            )  # fmt: skip
    for aside in all_set_aside(ground.project.studies):
        yield Fact(f"{quoted(aside, ground.root)} was damaged and set aside", figure=True)
    yield Fact(f"Optuna: {whole} journals are whole")


def _damaged_line(journal: Path) -> int | None:
    """Return the first damaged line; a torn last one is none: whoever goes on removes it."""
    read = 0
    with journal.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            read += len(line)
            if read > _MOST_BYTES or not line.endswith(b"\n"):
                return None
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                return number
            if not isinstance(entry, dict) or "op_code" not in entry:
                return number
    return None

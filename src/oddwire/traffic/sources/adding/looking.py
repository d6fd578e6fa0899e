"""What a source's files hold as its block reads them: columns, times, labels, refused lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from oddwire.errors import DataError, NoRowsError
from oddwire.params import SourceSettings
from oddwire.traffic.archive.refused import is_too_many
from oddwire.traffic.labels import attacks_of, labels_of
from oddwire.traffic.schema import RESERVED, TIME
from oddwire.traffic.sources import open_file
from oddwire.traffic.sources.logs.refusals import Refusals
from oddwire.traffic.sources.reading.file_batches import FileBatches
from oddwire.traffic.sources.reading.files import files_of

ROWS = 50_000  # that are looked at
_BATCH = 10_000


@dataclass
class Understood:
    """What was found in some files.

    Attributes
    ----------
    rows, files, of_files
        How many rows of how many of the files were looked at.
    whole
        Whether that is all.
    first, last
        The earliest and the latest time.
    held
        Columns in which there is a value.
    columns
        Of a table of connections, the file's name of a column by ours.
    numbers, categories
        Of a table of features, the columns of either kind.
    benign, unknown
        How many rows are known to be benign, and how many nobody judged.
    attacks
        How many rows are attacks, by family.
    refused
        How many lines were refused, and of the first one the file, the line and the reason.
    too_many
        Of the first file of which too large a share was refused, what its reader says of it.
    cut
        Files that end before their time, and how.
    """

    of_files: int
    rows: int = 0
    files: int = 0
    whole: bool = True
    first: pd.Timestamp | None = None
    last: pd.Timestamp | None = None
    held: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    benign: int = 0
    unknown: int = 0
    attacks: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    first_refused: tuple[str, int, str] | None = None
    too_many: str | None = None
    cut: dict[str, str] = field(default_factory=dict)

    def add(self, rows: pd.DataFrame) -> None:
        """Look at more rows."""
        self.rows += len(rows)
        held = rows.columns[rows.notna().any().to_numpy()]
        self.held = list(dict.fromkeys([*self.held, *map(str, held)]))
        if TIME in rows and rows[TIME].notna().any():
            ends = [rows[TIME].min(), rows[TIME].max()]
            self.first = min(filter(None, [self.first, ends[0]]))
            self.last = max(filter(None, [self.last, ends[1]]))
        labels, families = labels_of(rows), attacks_of(rows)
        self.benign += int((labels == 0).sum())
        self.unknown += int((labels != labels).sum())  # noqa: PLR0124 - NaN alone differs from itself
        self.attacks.update(name or "attack" for name in families[labels == 1])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        refused = None
        if self.first_refused is not None:
            refused = dict(zip(("file", "line", "reason"), self.first_refused, strict=True))
        return {
            "rows": self.rows, "files": self.files, "of_files": self.of_files, "whole": self.whole,
            "first": _iso(self.first), "last": _iso(self.last), "columns": self.columns,
            "held": self.held,
            "numbers": list(self.numbers), "categories": list(self.categories),
            "labels": {
                "benign": self.benign, "unknown": self.unknown, "attacks": dict(self.attacks),
            },
            "refused": self.refused, "first_refused": refused, "too_many": self.too_many,
            "cut": self.cut,
        }  # fmt: skip


def _iso(time: pd.Timestamp | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")


def look(source: SourceSettings, files: Sequence[Path], *, root: Path) -> Understood:
    """Read the beginning of a source's files, or all of them where they are small.

    Parameters
    ----------
    files
        Those of its logs, from the oldest to the newest; a table's own are taken.
    root
        The project's folder.

    Raises
    ------
    DataError
        If a file is not what the source promises.
    """
    if not source.logs:
        files = list(files_of(source, root=root).values())
    seen = Understood(len(files))
    if isinstance(columns := getattr(source, "columns", None), dict):
        seen.columns = dict(columns)
    for file in files:
        if seen.rows >= ROWS:
            seen.whole = False
            break
        try:
            _look_into(source, file, seen)
        except NoRowsError:  # of a quiet hour, a log has its header alone
            if not source.logs:
                raise
    if not seen.rows:
        raise DataError("the files hold no connection yet")
    most = _most(source)
    if seen.too_many is not None and is_too_many(seen.refused, seen.rows, most=most):
        raise DataError(seen.too_many)
    return seen


def _most(source: SourceSettings) -> float:
    return getattr(source, "max_refused_share", 1.0)


def _opened(source: SourceSettings, file: Path) -> FileBatches | None:
    """Open a file whatever share of it is refused; None where it has no rows."""
    if not source.logs:
        return open_file(source, file, rows=_BATCH)
    try:
        return open_file(source.model_copy(update={"max_refused_share": 1.0}), file, rows=_BATCH)
    except NoRowsError:
        with suppress(NoRowsError):
            open_file(source, file, rows=_BATCH)  # where it has lines, all are refused: an error
        return None


def _look_into(source: SourceSettings, file: Path, seen: Understood) -> None:
    seen.files += 1
    opened, before = _opened(source, file), seen.rows
    if opened is None:
        return
    for batch in opened.batches():
        seen.add(batch.rows)
        if source.row_kind == "table":
            own = batch.rows.drop(columns=[*RESERVED], errors="ignore")
            seen.numbers = tuple(map(str, own.select_dtypes("number")))
            seen.categories = tuple(map(str, own.select_dtypes(exclude="number")))
        if seen.rows >= ROWS:
            seen.whole = False
            break
    if source.logs and opened.raw.refused is not None:
        _add_refused(opened.raw.refused, file, seen, rows=seen.rows - before, most=_most(source))


def _add_refused(
    refused: Refusals, file: Path, seen: Understood, *, rows: int, most: float
) -> None:
    if refused.first is not None:
        seen.refused += refused.count
        one = refused.first
        seen.first_refused = seen.first_refused or (str(file), one.line, one.reason)
        try:
            refused.check(file, rows=rows, most=most)
        except DataError as error:
            seen.too_many = seen.too_many or str(error)
    if refused.cut is not None:
        seen.cut[str(file)] = refused.cut

"""An archive of logs and the files that there are now → the archive with them.

Each file is read once, whatever becomes of its name, and a file that has gone stays in the archive.
A file is known by its content: a twin is not read again, one that grew takes the place of its
beginning, and one that is read under other settings takes its own. What reads files comes from
outside, since readers know of archives and not the reverse.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from oddwire.errors import DataError
from oddwire.percent import percent
from oddwire.traffic.archive.beginnings import find_longer
from oddwire.traffic.archive.parts import Stretch, Written, write_part
from oddwire.traffic.archive.records import (
    PARTS,
    REFUSED,
    PartRecord,
    Records,
    damaged,
    grouped,
    write_records,
)
from oddwire.traffic.archive.refused import is_too_many
from oddwire.traffic.archive.rows import write_meaning
from oddwire.traffic.archive.sorting import sort_part
from oddwire.traffic.archive.superseding import find_superseded
from oddwire.traffic.wire_text import printable, shown_path

_LONGEST_REASON = 200


class FileContent(Protocol):
    """What identifies a file's content."""

    @property
    def digest(self) -> str: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def heads(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def cut(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class LogFile:
    """A file of logs that is there.

    Parameters
    ----------
    path
        Where it is.
    content
        What it holds.
    """

    path: Path
    content: FileContent


@dataclass(frozen=True)
class Reading:
    """How the files of a source are read.

    Parameters
    ----------
    key
        Differs where the same file would give other rows.
    held
        Gives what is read of a file: itself, or a copy of it that nobody writes to.
    read
        Reads a file.
    begins_with
        Tells whether a file's first bytes, so many, are a content of that hash.
    most_refused
        The share of a file's lines that may be refused.
    in_log_order
        Whether rows stand in a file as they were known; they are sorted by their ends otherwise.
    on_file
        Hears of each file before it is read, how many were before it and how many there are.
    unit
        The columns that name the unit of the connections, as the source says.
    """

    key: str
    held: Callable[[LogFile], AbstractContextManager[Path]]
    read: Callable[[Path], Iterable[Stretch]]
    begins_with: Callable[[Path, int, str], bool]
    most_refused: float
    in_log_order: bool = True
    on_file: Callable[[Path, int, int], None] = lambda *_: None
    unit: tuple[str, ...] = ()


def grow(
    before: Path, records: Records, files: Sequence[LogFile], reading: Reading, folder: Path
) -> Records:
    """Write an archive that has what there was and the files.

    Parameters
    ----------
    before, records
        The archive as it was; it stays as it is.
    files
        Those that there are.
    folder
        The empty folder to write to. Parts that stay are linked, so that they cost nothing.

    Raises
    ------
    DataError
        If a file cannot be read, or too many of its lines are refused.
    """
    for name in (PARTS, REFUSED):
        (folder / name).mkdir()
    kept, new = _sort_out(records.parts, files, reading)
    for part in kept:
        _link(part, before, folder)
    made = [
        _read(file, earlier, reading, folder, at, len(new))
        for at, (file, earlier) in enumerate(new)
    ]
    kept, made = _without_beginnings(kept, made, folder)
    there = {part.id for part in (*kept, *made)}
    found = [
        (part, int(place), by)
        for part, rows in records.superseded.items()
        for place, by in zip(*rows, strict=True)
        if part in there and by in there
    ]
    # In one order, so that what came first makes no difference.
    made.sort(key=lambda part: part.order)
    found += find_superseded(made, kept, folder)
    parts = sorted((*kept, *made), key=lambda part: part.order)
    grown = Records(tuple(parts), grouped(found))
    write_records(grown, folder)
    write_meaning(None, reading.unit, folder)
    return grown


def _sort_out(
    parts: Sequence[PartRecord], files: Sequence[LogFile], reading: Reading
) -> tuple[list[PartRecord], list[tuple[LogFile, tuple[str, ...]]]]:
    """Tell which parts stay, and which files are to be read in place of what contents."""
    known = {part.content: part for part in parts}
    beginnings = {earlier for part in parts for earlier in part.grown_from}
    there = {
        file.content.digest: file
        for file in files
        if file.content.size and file.content.digest not in beginnings
    }
    new = {
        digest: file
        for digest, file in there.items()
        if digest not in known or known[digest].reading != reading.key
    }
    earlier = _beginnings(known, new, there, reading)
    covered = {digest for found in earlier.values() for digest in found}
    kept = [
        _with_earlier(part, earlier.get(part.content, set()))
        for part in parts
        if part.content not in covered and part.content not in new
    ]
    read = [
        (file, _every_earlier(digest, earlier, known))
        for digest, file in new.items()
        if digest not in covered
    ]
    return kept, read


def _beginnings(
    known: Mapping[str, PartRecord],
    new: Mapping[str, LogFile],
    there: Mapping[str, LogFile],
    reading: Reading,
) -> dict[str, set[str]]:
    """Return by the hash of a content those of contents that it begins with."""
    of_parts = [(part.content, part.size, part.heads) for part in known.values()]
    of_files = [
        (file.content.digest, file.content.size, file.content.heads) for file in new.values()
    ]
    found: dict[str, set[str]] = {}
    for digest, longer in there.items():
        # Of two parts that are there already it is known.
        for shorter, size, heads in (*of_parts, *of_files) if digest in new else of_files:
            if (
                size < longer.content.size
                and all(longer.content.heads.get(name) == head for name, head in heads.items())
                and reading.begins_with(longer.path, size, shorter)
            ):
                found.setdefault(digest, set()).add(shorter)
    return found


def _without_beginnings(
    kept: Sequence[PartRecord], made: Sequence[PartRecord], folder: Path
) -> tuple[list[PartRecord], list[PartRecord]]:
    """Leave out new parts with whose rows one that is kept begins, and note their contents."""
    longer = {part.id: part for part in kept}
    new = []
    for part in made:
        found = find_longer(part, longer.values(), folder)
        if found is None:
            new.append(part)
            continue
        longer[found.id] = _with_earlier(found, {part.content, *part.grown_from})
        part.file(folder).unlink()
        part.refused_file(folder).unlink(missing_ok=True)
    return [*longer.values()], new


def _with_earlier(part: PartRecord, earlier: set[str]) -> PartRecord:
    return replace(part, grown_from=tuple(sorted({*part.grown_from, *earlier})))


def _every_earlier(
    digest: str, earlier: Mapping[str, set[str]], known: Mapping[str, PartRecord]
) -> tuple[str, ...]:
    found = set(earlier.get(digest, ()))
    for one in (digest, *found):
        if one in known:
            found |= {*known[one].grown_from}
    return tuple(sorted(found))


def _read(
    file: LogFile, earlier: tuple[str, ...], reading: Reading, folder: Path, at: int, of: int
) -> PartRecord:
    reading.on_file(file.path, at, of)
    content, name = file.content, "/".join(file.path.parts[-2:])
    part = PartRecord(
        name, content.digest, reading.key, content.size, dict(content.heads), 0, 0, 0,
        content.cut, grown_from=earlier,
    )  # fmt: skip
    rows = part.file(folder)
    with reading.held(file) as source:
        written = write_part(reading.read(source), rows, part.refused_file(folder))
    _check_refused(file.path, written, content.cut, reading.most_refused)
    if written.rows and not reading.in_log_order:
        written = sort_part(rows, written)
    return replace(
        part, rows=written.rows, refused=written.refused,
        stored=rows.stat().st_size if written.rows else 0,
        began=written.began, first=written.first, last=written.last,
    )  # fmt: skip


def _check_refused(path: Path, written: Written, cut: str, most: float) -> None:
    # The line in which a file is cut off is nobody's fault.
    refused = written.refused - (1 if cut and written.refused else 0)
    lines = written.rows + written.refused
    if is_too_many(refused, written.rows, most=most):
        raise DataError(
            f"{shown_path(path)}: {written.refused:,} of {lines:,} rows were refused"
            f" ({percent(refused / lines)}), more than max_refused_share ({percent(most)}); the"
            f" first in {printable(written.first_refused, _LONGEST_REASON)}"
        )


def _link(part: PartRecord, before: Path, folder: Path) -> None:
    """Bring a part's files over without copying them, where the disk can."""
    files = [part.file(before)] if part.rows else []
    for file in files:
        if not file.is_file() or file.stat().st_size != part.stored:
            raise damaged(before, file)
    if part.refused:
        files.append(part.refused_file(before))
        if not files[-1].is_file():
            raise damaged(before, files[-1])
    for file in files:
        target = folder / file.relative_to(before)
        with suppress(OSError):
            os.link(file, target)
            continue
        shutil.copy2(file, target)

"""Bring a source's new rows in, and say what came of it: what is there, new, refused and late."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from oddwire.disk.drafts import bring_back
from oddwire.operations.data import pipeline
from oddwire.operations.locks import dvc_lock, source_lock
from oddwire.params import Source
from oddwire.project import Project
from oddwire.traffic.archive import Archive, open_archive
from oddwire.traffic.archive.parts import read_pieces
from oddwire.traffic.archive.records import PartRecord, Records, read_records
from oddwire.traffic.sources.logs.there import contents_there, empty_files_there
from oddwire.traffic.sources.reading.files import broken_links
from oddwire.traffic.wire_text import printable, shown_path

_MOST_FILES = 5  # of which refused lines are told
_LONGEST = 200
_ROWS = 200_000


@dataclass(frozen=True)
class Refusal:
    """Lines of a log file that were refused.

    Parameters
    ----------
    file
        What it is called, and the folder that it is in.
    refused
        How many lines of it were refused.
    line, reason
        The number of the first one, and what is wrong with it.
    kept_in
        The file that has all of them.
    """

    file: str
    refused: int
    line: int
    reason: str
    kept_in: str


@dataclass(frozen=True)
class Ingested:
    """What the archive of a source holds after its files were brought in.

    Parameters
    ----------
    new, known, gone
        Log files that were read now; others that are there; and files of which the archive alone
        has the rows.
    rows
        Rows that count. With the superseded and refused ones they are all rows of all files.
    refused
        Lines that could not be read.
    superseded
        Earlier records of connections of which a later one counts.
    late
        Rows of new files that could be known before the newest row that was there.
    first, last
        When the first and the last row could be known, as ISO 8601 in UTC; None without times.
    cut_off
        New files that ended before their time, and how.
    refusals
        The first new files of which lines were refused.
    empty
        Log files that are there and hold nothing.
    broken_links
        Links under a pattern of the source that lead to no file.
    """

    source: str
    new: int
    known: int
    gone: int
    rows: int
    refused: int
    superseded: int
    late: int
    first: str | None
    last: str | None
    cut_off: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    empty: int = 0
    broken_links: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        content = asdict(self)
        files = {name: content.pop(name) for name in ("new", "known", "gone", "empty")}
        return {"source": content.pop("source"), "files": files, **content}


def ingest_source(project: Project, source: str, settings: Source) -> Ingested:
    """Run the stages of a source up to ``ingest`` where they are out of date.

    Raises
    ------
    DataError
        If a file is not what the source promises, or too many of its lines are refused.
    ServiceError
        If DVC failed.
    """
    folder = project.ingested(source)
    with source_lock(project, source):
        bring_back(folder)
        before, written = read_records(folder), _written(folder)
        pipeline.reproduce(project, source, settings, stages=("ingest",))
        with dvc_lock(project):
            archive = open_archive(folder)
            if settings.logs:
                found = _of_logs(project, source, before, archive)
                broken = broken_links(settings.logs, root=project.root)
                return replace(found, broken_links=tuple(map(shown_path, broken)))
            return _of_files(source, settings, archive, anew=written != _written(folder))


def _of_files(source: str, settings: Source, archive: Archive, *, anew: bool) -> Ingested:
    parts = ["train", "test"] if archive.has_test else ["train"]
    rows, first, last = 0, None, None
    for part in parts:
        times = archive.known_at(part)
        rows += archive.rows(part)
        if times is not None and times.notna().any():
            first = min(filter(None, [first, times.min().isoformat()]))
            last = max(filter(None, [last, times.max().isoformat()]))
    files = len(settings.paths())
    return Ingested(
        source, files if anew else 0, 0 if anew else files, 0, rows, 0, 0, 0, first, last
    )


def _of_logs(project: Project, source: str, before: Records, archive: Archive) -> Ingested:
    after = archive.records
    earlier = {part.id for part in before.parts}
    new = [part for part in after.parts if part.id not in earlier]
    there = contents_there(project.known_logs(source))
    held = {content for part in new for content in (part.content, *part.grown_from)}
    files = {part.content: {part.content, *part.grown_from} for part in after.parts}
    kept = archive.rows("train")
    return Ingested(
        source,
        new=len(new),
        known=sum(content not in held for content in there),
        gone=sum(not contents & set(there) for contents in files.values()),
        rows=kept,
        refused=sum(part.refused for part in after.parts),
        superseded=sum(part.rows for part in after.parts) - kept,
        late=sum(_late(archive, part, before) for part in new),
        first=None if after.first is None else after.first.isoformat(),
        last=None if after.last is None else after.last.isoformat(),
        cut_off=tuple(f"{printable(part.name, _LONGEST)}: {part.cut}" for part in new if part.cut),
        refusals=tuple(islice(_refusals(project, archive.folder, new), _MOST_FILES)),
        empty=empty_files_there(project.known_logs(source)),
    )


def _late(archive: Archive, part: PartRecord, before: Records) -> int:
    """Count the rows of a new part that could be known before what was there already."""
    own = {part.content, *part.grown_from}
    others = [one.last for one in before.parts if one.content not in own]
    newest = max((last for last in others if last is not None), default=None)
    if newest is None or part.first is None or part.first >= newest:
        return 0
    skipped, late = archive.records.skipped(part), 0
    for piece in read_pieces(part.file(archive.folder), rows=_ROWS, columns=(), until=newest):
        places = piece.first + np.flatnonzero(piece.clock < newest)
        late += int((~np.isin(places, skipped)).sum())
    return late


def _refusals(project: Project, folder: Path, parts: Iterable[PartRecord]) -> Iterator[Refusal]:
    for part in parts:
        if not part.refused:
            continue
        file = part.refused_file(folder)
        kept_in = str(file.relative_to(project.root))
        with file.open(encoding="utf-8") as lines:
            first = json.loads(next(lines))
        name, reason = printable(part.name, _LONGEST), printable(first["reason"], _LONGEST)
        yield Refusal(name, part.refused, int(first["line"]), reason, kept_in)


def _written(folder: Path) -> tuple[int, int] | None:
    """Return what tells one writing of the rows from another."""
    try:
        found = (folder / "rows.json").stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns

"""A folder of scored parts: which are done, by which version, and what the next looks back on.

``scored.jsonl`` gets a line after each part, and a part without a line is written again. What the
next rows look back on is kept every few seconds, under the number of the part that it follows: of
the parts between that and the kill, the rows are read once more for the look-back alone.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from oddwire.disk.drafts import whole_folder
from oddwire.errors import DataError
from oddwire.operations.scoring.replacing import check_replaced
from oddwire.operations.scoring.scored_files import explained_file
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.wire_text import shown_path

_LIST = "scored.jsonl"
_BEFORE = ".before"
_SAVE_EVERY = 10.0  # seconds


@dataclass(frozen=True)
class Noted:
    """What is scored, a file or a day of an archive, and what came of it.

    Parameters
    ----------
    name
        The path of a file, or a day.
    size, mtime_ns
        By which it is known again: a file that grew since is scored again.
    part
        The file that was written, counted from the folder; None where there were no rows.
    number
        How many files were scored before it.
    """

    name: str
    number: int
    size: int
    mtime_ns: int
    part: str | None
    rows: int = 0
    alerts: int = 0
    missing: int = 0
    infinite: int = 0
    unseen: int = 0
    refused: int = 0


class ScoredFolder:
    """The folder, and its list.

    Parameters
    ----------
    folder
        Where it is.
    made_by
        Source, version and explanations of all its parts.
    notes
        What is scored, in the order in which it was.
    """

    def __init__(self, folder: Path, made_by: dict[str, Any], notes: Sequence[Noted]) -> None:
        self._folder, self._made_by = folder, made_by
        self._notes = {note.name: note for note in notes}  # of a file that grew, the newest
        self._holders = {note.part: note for note in notes}  # whose rows a part now has
        self._last = notes[-1] if notes else None
        self._saved, self._held = -_SAVE_EVERY, -1

    @classmethod
    def open(
        cls, folder: Path, *, source: str, version: str, explained: int, overwrite: bool
    ) -> Self:
        """Open a folder of scored files, or make one.

        Raises
        ------
        DataError
            If it cannot be made, its list is damaged, or its files were scored otherwise.
        """
        made_by = {"source": source, "version": version, "explained": explained}
        listed = folder / _LIST
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if overwrite or not listed.exists():
                listed.write_text(json.dumps({"made_by": made_by}) + "\n", encoding="utf-8")
                return cls(folder, made_by, [])
            before, notes = _read(listed)
        except OSError as error:
            raise DataError(
                f"--out: cannot write to {shown_path(folder)}: {error.strerror or error}"
            ) from None
        if before != made_by:
            key = next(key for key in made_by if before.get(key) != made_by[key])
            raise DataError(
                f"{shown_path(folder)} holds files scored with {key} {before.get(key)!r}, now it "
                f"is {made_by[key]!r}: name another folder, or begin anew with --overwrite"
            )
        return cls(folder, made_by, notes)

    @property
    def explained(self) -> int:
        """How many alerts of each file are explained."""
        return int(self._made_by["explained"])

    @property
    def version(self) -> str:
        """The number of the version that scores."""
        return str(self._made_by["version"])

    def parts(self, files: Sequence[Path], *, overwrite: bool) -> list[Path]:
        """Return where the scored rows of each file go: the place that it has, if it has one.

        A new file's place tells it from those of the folders that are scored already, so that the
        logs of one day after the other, which have the same names, can be scored into one folder.

        Raises
        ------
        DataError
            If another file has its place, or a file there is not a scored one.
        """
        # A path with `..` in it would lead out of the folder.
        plain = [Path(os.path.normpath(file.absolute())) for file in files]
        places = {note.name: note.part for note in self._notes.values() if note.part is not None}
        known = [Path(name).parent for name in places if Path(name).is_absolute()]
        top = Path(os.path.commonpath([*known, *(file.parent for file in plain)]))
        parts = [
            self._folder / places.get(name_of(file), f"{plain_file.relative_to(top)}.parquet")
            for file, plain_file in zip(files, plain, strict=True)
        ]
        taken = {
            target: name
            for name, part in places.items()
            for target in self._targets(self._folder / part)
        }
        scored = {*map(_identity, files)}
        for file, part in zip(files, parts, strict=True):
            for target in self._targets(part):
                other = taken.setdefault(target, name_of(file))
                if other != name_of(file):
                    raise DataError(
                        f"{shown_path(target)} holds the scores of {shown_path(Path(other))}: name "
                        f"another folder for those of {shown_path(file)}"
                    )
                if target.exists() and _identity(target) in scored:
                    raise DataError(f"--out: {shown_path(target)} is one of the files to score")
            if self.noted(name_of(file), stamp_of(file)) is None and not overwrite:
                check_replaced(part, explained=bool(self._made_by["explained"]))
        return parts

    def _targets(self, part: Path) -> list[Path]:
        return [part, *([explained_file(part)] if self._made_by["explained"] else [])]

    def part(self, name: str, *, overwrite: bool) -> Path:
        """Return where the scored rows of a day go.

        Raises
        ------
        DataError
            If a file there is not a scored one.
        """
        part = self._folder / f"{name}.parquet"
        if not overwrite:
            check_replaced(part, explained=False)
        return part

    def holder(self, part: Path) -> Noted | None:
        """Return the note of the rows that a part has."""
        return self._holders.get(str(part.relative_to(self._folder)))

    def noted(self, name: str, stamp: tuple[int, int]) -> Noted | None:
        """Return the note of what is scored as it now is; None where it is not."""
        note = self._notes.get(name)
        if note is None or (note.size, note.mtime_ns) != stamp:
            return None
        if note.part is not None and self.holder(self._folder / note.part) != note:
            return None
        return note if note.part is None or (self._folder / note.part).is_file() else None

    def note(
        self,
        name: str,
        stamp: tuple[int, int],
        part: Path | None,
        features: FeaturesInBatches,
        *,
        last: bool,
        **counts: int,
    ) -> Noted:
        """Note what is scored, once its part is written.

        Parameters
        ----------
        stamp
            Size and time of change of the file, as they were before it was read.
        features
            What made the features of its rows, and goes on with those of the next. It is kept every
            few seconds, since its memory may be large.
        last
            Whether none follows for now: then it is kept anyway.
        """
        number = 0 if self._last is None else self._last.number + 1
        where = None if part is None else str(part.relative_to(self._folder))
        note = Noted(name, number, *stamp, where, **counts)
        if last or time.monotonic() - self._saved >= _SAVE_EVERY:
            self._keep(note, features)
        with self._written(), (self._folder / _LIST).open("a", encoding="utf-8") as listed:
            listed.write(json.dumps(asdict(note)) + "\n")
            listed.flush()
            os.fsync(listed.fileno())
        self._notes[name] = self._holders[where] = self._last = note
        if self._before(note).is_dir():
            self._forget_before(number)
            self._saved = time.monotonic()
        return note

    def keep_behind(self, name: str, features: FeaturesInBatches) -> None:
        """Keep what stands behind a file for as long as the one after it may grow."""
        note = self._notes[name]
        self._held = note.number
        if not self._before(note).is_dir():
            self._keep(note, features)

    def _keep(self, note: Noted, features: FeaturesInBatches) -> None:
        with self._written(), whole_folder(self._before(note)) as draft:
            features.save(draft)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # a full disk, as a rule
            raise DataError(
                f"--out: cannot write to {shown_path(self._folder)}: {error.strerror or error}"
            ) from error

    def _forget_before(self, number: int) -> None:
        """Remove what was kept behind earlier files."""
        for kept in self._kept():
            if kept not in (number, self._held):
                shutil.rmtree(self._folder / _BEFORE / f"{kept}", ignore_errors=True)

    def _kept(self) -> list[int]:
        there = self._folder / _BEFORE
        names = [each.name for each in there.iterdir()] if there.is_dir() else []
        return [int(name) for name in names if name.isdecimal()]

    def kept(self) -> list[Path]:
        """Return where look-backs are kept, the newest first."""
        return [self._folder / _BEFORE / f"{kept}" for kept in sorted(self._kept(), reverse=True)]

    def looked_back_on(self, name: str, features: FeaturesInBatches) -> bool:
        """Let features go on behind a file or day; False where nothing was kept behind it."""
        note = self._notes.get(name)
        kept = None if note is None else self._before(note)
        if kept is None or not kept.is_dir():
            return False
        features.load(kept)
        return True

    def _before(self, note: Noted) -> Path:
        return self._folder / _BEFORE / f"{note.number}"


def _read(listed: Path) -> tuple[dict[str, Any], list[Noted]]:
    """Read a list; a last line without its end was being written when the process was killed."""
    content = listed.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        first, *rest = whole.decode("utf-8").splitlines() or ["{}"]
        found = json.loads(first)["made_by"], [Noted(**json.loads(line)) for line in rest]
    except (ValueError, KeyError, TypeError):
        raise DataError(
            f"{shown_path(listed)} is no list of scored files: name another folder, or begin "
            "anew with --overwrite"
        ) from None
    if len(whole) < len(content):  # not before it is known to be our own
        os.truncate(listed, len(whole))
    return found


def _identity(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_dev, found.st_ino


def name_of(file: Path) -> str:
    """Return the name under which a file is noted."""
    return str(file.absolute())


def stamp_of(file: Path) -> tuple[int, int]:
    """Return by what a file is known again: size and time of change."""
    found = file.stat()
    return found.st_size, found.st_mtime_ns

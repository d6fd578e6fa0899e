"""A folder of scored parts: which are done, by which version, and what the next looks back on.

``scored.jsonl`` gets a line after each part, and a part without a line is written again. Where what
the next rows look back on is older than the last line, the rows between are read once more for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from oddwire.errors import DataError
from oddwire.operations.scoring.carried import Carried
from oddwire.operations.scoring.folders.kept_behind import KeptBehind
from oddwire.operations.scoring.replacing import check_replaced
from oddwire.operations.scoring.scored_files import explained_file
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.wire_text import shown_path

_LIST = "scored.jsonl"
_BEFORE = ".before"


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
    alerting_units: int = 0
    incidents: int = 0
    days: float = 0.0
    missing: int = 0
    infinite: int = 0
    unseen: int = 0
    adaptive_alerts: int = 0
    adaptive_incidents: int = 0
    refused: int = 0


class ScoredFolder:
    """The folder, and its list.

    Parameters
    ----------
    folder
        Where it is.
    made_by
        Source, version, explanations and kind of threshold of all its parts.
    notes
        What is scored, in the order in which it was.
    """

    def __init__(self, folder: Path, made_by: dict[str, Any], notes: Sequence[Noted]) -> None:
        self._folder, self._made_by = folder, made_by
        self._notes = {note.name: note for note in notes}  # of a file that grew, the newest
        self._holders = {note.part: note for note in notes}  # whose rows a part now has
        self._last = notes[-1] if notes else None
        self._behind = KeptBehind(folder / _BEFORE)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        source: str,
        version: str,
        explained: int,
        adaptive: bool,
        overwrite: bool,
    ) -> Self:
        """Open a folder of scored files, or make one.

        Raises
        ------
        DataError
            If it cannot be made, its list is damaged, or its files were scored otherwise.
        """
        made_by = {
            "source": source, "version": version, "explained": explained, "adaptive": adaptive
        }  # fmt: skip
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
        carried: Carried,
        *,
        last: bool,
        **counts: Any,
    ) -> Noted:
        """Note what is scored, once its part is written.

        Parameters
        ----------
        stamp
            Size and time of change of the file, as they were before it was read.
        features
            What made the features of its rows, and goes on with those of the next. It is kept every
            few seconds, since its memory may be large.
        carried
            What else follows from the rows before.
        last
            Whether none follows for now: then it is kept anyway.
        """
        number = 0 if self._last is None else self._last.number + 1
        where = None if part is None else str(part.relative_to(self._folder))
        note = Noted(name, number, *stamp, where, **counts)
        with self._written():
            self._behind.keep(number, features, carried, last=last)
        with self._written(), (self._folder / _LIST).open("a", encoding="utf-8") as listed:
            listed.write(json.dumps(asdict(note)) + "\n")
            listed.flush()
            os.fsync(listed.fileno())
        self._notes[name] = self._holders[where] = self._last = note
        self._behind.forget_before(number)
        return note

    def hold_behind(self, name: str, features: FeaturesInBatches, carried: Carried) -> None:
        """Keep what stands behind a file for as long as the one after it may grow."""
        with self._written():
            self._behind.hold(self._notes[name].number, features, carried)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # a full disk, as a rule
            raise DataError(
                f"--out: cannot write to {shown_path(self._folder)}: {error.strerror or error}"
            ) from error

    def look_backs(self) -> list[Path]:
        """Return where look-backs are kept, the newest first."""
        return self._behind.look_backs()

    def carried(self) -> list[Path]:
        """Return where what is carried from row to row is kept, the newest first."""
        return self._behind.carried()

    def looked_back_on(self, name: str, features: FeaturesInBatches) -> bool:
        """Let features go on behind a file or day; False where nothing was kept behind it."""
        note = self._notes.get(name)
        return note is not None and self._behind.load_look_back(note.number, features)

    def carried_behind(self, name: str, carried: Carried) -> bool:
        """Let what is carried go on behind a file or day; False where nothing was kept there."""
        note = self._notes.get(name)
        return note is not None and self._behind.load_carried(note.number, carried)


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

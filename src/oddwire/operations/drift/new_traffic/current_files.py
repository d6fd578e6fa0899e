"""Files of new traffic: where they lie, and how one is known again."""

from __future__ import annotations

import datetime as dt
import glob
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from oddwire.errors import DataError
from oddwire.params.values.paths import file_fault, path_fault
from oddwire.traffic.sources.reading.files import locate
from oddwire.traffic.wire_text import printable, shown_path


@dataclass(frozen=True)
class CurrentFile:
    """One file of new traffic.

    Parameters
    ----------
    path
        Absolute.
    stamp
        Path, size and time of the last change: a file whose stamp is known need not be read to be
        known again.
    written
        When it was last changed.
    """

    path: Path
    stamp: str
    written: dt.datetime

    @classmethod
    def at(cls, path: Path) -> CurrentFile:
        """Look at a file without reading it."""
        status = path.stat()
        written = dt.datetime.fromtimestamp(status.st_mtime, dt.UTC).replace(microsecond=0)
        # It is kept as a tag, where a file's name stands without control characters.
        return cls(path, f"{printable(str(path))} {status.st_size} {status.st_mtime_ns}", written)

    def digest(self) -> str:
        """Return the SHA-256 of the content: a copy or a touched file is the same traffic.

        Raises
        ------
        DataError
            If it cannot be read.
        """
        try:
            with self.path.open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror}") from error


def current_files(pattern: str, *, root: Path, origin: str) -> list[CurrentFile]:
    """Return the files that a file name, glob pattern or folder stands for, in order of name.

    Hidden files are left out: they are often not whole yet.

    Parameters
    ----------
    root
        The folder that relative paths are in.
    origin
        What named them, for messages.

    Raises
    ------
    DataError
        If there is no such file, or nobody may look there.
    """
    if (fault := path_fault(pattern)) is not None:
        raise DataError(f"{origin} {fault}")
    try:
        place = locate(Path(pattern), root)
        if place.is_file():
            return [CurrentFile.at(place)]
        if place.exists() and not place.is_dir():  # a pipe, a device: a pattern is no name of it
            raise DataError(f"{origin} {shown_path(place)} {file_fault(place)}")
        files = [
            CurrentFile.at(path)
            for path in sorted(_found(place))
            if path.is_file() and not path.name.startswith(".")
        ]
    # A folder that is closed to us, a file that has just been moved away.
    except (OSError, RuntimeError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise DataError(f"{origin} {pattern:.200} cannot be looked at: {reason:.200}") from error
    if not files:
        what = "holds no file" if place.is_dir() else "matches no file"
        raise DataError(f"{origin} {shown_path(place)} {what}")
    return files


def _found(place: Path) -> Iterable[Path]:
    if place.is_dir():
        return place.iterdir()
    return map(Path, glob.glob(str(place), recursive=True))  # noqa: PTH207 - pathlib's takes no absolute pattern

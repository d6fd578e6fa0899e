"""How the log files of a source stand: a list that differs as soon as one of them does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NAME = "logs.json"


@dataclass(frozen=True)
class Standing:
    """What a file's entry says of it; a file that is written to has another."""

    device: int
    inode: int
    size: int
    written: int

    @classmethod
    def of(cls, file: Path) -> Standing:
        """Look at a file."""
        found = file.stat()
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def listing(files: Iterable[Path]) -> str:
    """Return the list of some files as text; what has gone meanwhile is left out."""
    found = []
    for file in files:
        try:
            found.append({"path": str(file), **asdict(Standing.of(file))})
        except FileNotFoundError:
            continue
    return as_lines(found)


def as_lines(content: Iterable[Any]) -> str:
    """Return a list as JSON with a line for each: indenting takes longer than all else."""
    return "[\n" + ",\n".join(map(json.dumps, content)) + "\n]\n"


def write_listing(files: Iterable[Path], folder: Path) -> None:
    """Write the list of some files into a folder."""
    (folder / NAME).write_text(listing(files), encoding="utf-8")


def read_listing(folder: Path) -> list[Path] | None:
    """Return the files of a list, None where there is none or it is damaged."""
    try:
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return [Path(one["path"]) for one in content]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_current(files: Iterable[Path], folder: Path) -> bool:
    """Tell whether the list in a folder is that of some files as they stand now."""
    try:
        return (folder / NAME).read_text(encoding="utf-8") == listing(files)
    except (OSError, ValueError):
        return False


def newer_files(files: Iterable[Path], folder: Path) -> int:
    """Return how many files the list in a folder has not, as they stand now."""
    try:
        known = (folder / NAME).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        known = []
    before = {line.rstrip(",") for line in known}
    return sum(line.rstrip(",") not in before for line in listing(files).splitlines())

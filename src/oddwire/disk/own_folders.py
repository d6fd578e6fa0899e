"""The folders that oddwire and its tools make anew: no place for what people keep.

DVC deletes what a stage writes before the stage runs, and oddwire clears its working folders. A
file of the user's that lies in one of them is gone then, whatever name it was reached by.
"""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from oddwire.errors import DataError
from oddwire.project import Project

# By whom each is made anew.
_MAKERS = {
    "data/raw": "the stage `link`",
    "data/ingested": "the stage `ingest`",
    "data/prepared": "the stage `prepare`",
    "data/explored": "the stage `explore`",
    "data/settings.json": "the stage `settings`",
    "data/verdicts": "the stage `settings`",
    "data/work": "a training",
    "data/studies": "a training",
    "data/locks": "oddwire",
    "data/logs": "oddwire",
    "mlruns": "MLflow",
    ".dvc": "DVC",
    ".git": "git",
}
# What stands by source below them, and may be a link itself.
_BY_SOURCE = ("data/raw", "data/ingested", "data/prepared", "data/explored", "data/work")
_MOST_LINKS = 40  # that a path may lead through: as many as Linux follows
_MAGIC = frozenset("*?[")


class OwnFolders:
    """The folders of a project that are made anew.

    Parameters
    ----------
    project
        Where they are.
    sources
        Names of the sources, whose folders may be links themselves.
    """

    def __init__(self, project: Project, sources: Iterable[str]) -> None:
        self._root = project.root
        places = {project.root / name: name for name in _MAKERS}
        for source in sources:
            places |= {project.root / name / source: name for name in _BY_SOURCE}
        self._names: dict[object, str] = {}
        for place, name in places.items():
            for known in _identities(place):
                self._names.setdefault(known, name)

    def holding(self, path: Path) -> str | None:
        """Return which of them a path leads into or through, links followed; None for none.

        A folder is known whatever it is called on the way: by ``..``, another case where case is
        nothing, a link, or a second mount.
        """
        for place in _visited(self._root / path):
            for known in _identities(place):
                if known in self._names:
                    return self._names[known]
        return None

    @staticmethod
    def maker(name: str) -> str:
        """Say who makes one of them anew."""
        return _MAKERS[name]

    def refuse(self, path: Path | str, what: str, *, instead: str) -> None:
        """Refuse a file of the user's in one of them; of a glob pattern each file that it matches.

        Parameters
        ----------
        what
            What the path is, for the message.
        instead
            A folder to name as a better place.

        Raises
        ------
        DataError
            Naming the file, whose folder it is in, and the remedy.
        """
        for each in _matched(self._root / path):
            if (name := self.holding(each)) is not None:
                raise DataError(
                    f"{what} is in {name}, which {_MAKERS[name]} makes anew, and what else is in it"
                    f" would be lost: move the file to another folder, such as {instead}, and name"
                    " that"
                )


def _matched(pattern: Path) -> Iterator[Path]:
    """Yield the files of a pattern, and the folder that it looks into."""
    if not _MAGIC & set(str(pattern)) or os.path.lexists(pattern):
        yield pattern
        return
    fixed = Path()
    for part in pattern.parts:
        if _MAGIC & set(part):
            break
        fixed /= part
    yield fixed
    with suppress(OSError):
        yield from map(Path, glob.iglob(str(pattern), recursive=True))  # noqa: PTH207 - absolute


def _visited(path: Path) -> Iterator[Path]:
    """Yield each place that the system looks at on its way along an absolute path."""
    waiting, here, followed = deque(path.parts[1:]), Path(path.anchor), 0
    while waiting:
        part = waiting.popleft()
        if part == "..":
            here = here.parent
            continue
        here /= part
        yield here
        target = _target(here)
        if target is None:
            continue
        followed += 1
        if followed > _MOST_LINKS:
            return
        here = Path(target.anchor) if target.is_absolute() else here.parent
        waiting.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))


def _target(place: Path) -> Path | None:
    try:
        return place.readlink()
    except OSError:
        return None


def _identities(place: Path) -> Iterator[object]:
    """Yield by what a place is known: its name, and its number on the disk where it is there."""
    yield str(place)
    with suppress(OSError, ValueError):
        found = place.stat()
        yield (found.st_dev, found.st_ino)

"""The log files that are there, and how each begins, looked at once while it stays."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from oddwire.live.following.contents import Head, head_of, open_content
from oddwire.traffic.sources.logs.listing import Standing
from oddwire.traffic.sources.reading.files import log_files, no_match, paths_of
from oddwire.traffic.wire_text import shown_path

_TRIES, _PAUSE = 50, 0.002  # seconds


@dataclass(frozen=True)
class Found:
    """A file with at least one row.

    Parameters
    ----------
    path, standing
        Where it is, and how it stood when it was looked at.
    head
        How it begins, decompressed.
    packed
        Whether it is compressed.
    """

    path: Path
    standing: Standing
    head: Head
    packed: bool

    @property
    def place(self) -> tuple[int, int]:
        """Its device and inode."""
        return self.standing.device, self.standing.inode


@dataclass
class Listing:
    """Looks for the files of paths and glob patterns, time and again.

    Parameters
    ----------
    patterns, root
        As for `log_files`.
    is_heading, longest
        As for `head_of`.
    faults
        Which files could not be looked at the last time, and why.
    is_settled
        Whether nothing was renamed while they were looked at the last time, so that none is missing
        and all are in their order.
    """

    patterns: Sequence[str]
    root: Path
    is_heading: Callable[[bytes], bool]
    longest: int
    faults: dict[str, str] = field(default_factory=dict)
    is_settled: bool = False
    _known: dict[Standing, tuple[Head, bool] | None] = field(default_factory=dict)

    def look(self) -> list[Found]:
        """Return the files that have a row, rotated ones the oldest first, each inode once."""
        files = self._list()
        for _ in range(_TRIES):
            before, files = files, self._list()
            if _places(files) == _places(before):
                found, self.is_settled = self._heads(files)
                if self.is_settled:
                    return found
            time.sleep(_PAUSE)  # a rotation is going on
        return self._heads(files)[0]

    def _heads(self, files: Sequence[tuple[str, Standing]]) -> tuple[list[Found], bool]:
        """Return how the files begin, and whether each was still where it was listed."""
        found, known, settled = [], {}, True
        for name, standing in files:
            path = Path(name)
            try:
                one = self._head(path, standing)
            except FileNotFoundError:
                settled = False
                continue
            except OSError as error:  # who may read it can change unseen: it is not known
                self._note(path, error)
                continue
            known[standing] = one
            if one is not None:
                found.append(Found(path, standing, *one))
        self._known = known
        return found, settled

    def nothing(self) -> dict[str, str]:
        """Return which patterns name no file, and why."""
        return {
            shown_path(pattern): no_match(pattern, self.root)
            for pattern in self.patterns
            if not log_files([pattern], root=self.root, required=False)
        }

    def _list(self) -> list[tuple[str, Standing]]:
        self.faults, self.is_settled = {}, False
        once: dict[tuple[int, int], tuple[str, Standing]] = {}
        for path in paths_of(self.patterns, root=self.root):
            try:
                found = os.stat(path)  # noqa: PTH116 - of thousands, each second
            except FileNotFoundError:
                continue
            except OSError as error:
                self._note(path, error)
                continue
            if stat.S_ISREG(found.st_mode):
                one = Standing(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
                once.setdefault((one.device, one.inode), (path, one))
        return [*once.values()]

    def _note(self, path: Path | str, error: OSError) -> None:
        self.faults[shown_path(path)] = error.strerror or str(error)

    def _head(self, path: Path, standing: Standing) -> tuple[Head, bool] | None:
        if standing in self._known:
            return self._known[standing]
        with closing(open_content(path)) as content:
            if not _is(content.stat(), standing):
                raise FileNotFoundError
            head = head_of(content, self.is_heading, longest=self.longest)
            return None if head is None else (head, content.packed)


def _places(files: Sequence[tuple[str, Standing]]) -> list[tuple[str, int, int]]:
    return [(path, standing.device, standing.inode) for path, standing in files]


def _is(found: os.stat_result, standing: Standing) -> bool:
    return (found.st_dev, found.st_ino) == (standing.device, standing.inode)

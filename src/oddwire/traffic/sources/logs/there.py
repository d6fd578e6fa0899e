"""The log files of a source that are there, and what each holds, hashed once while it stays.

A file that has not changed is known by its device, inode, size and time of writing, so that a
rotated one is known under its new name. What is known is kept in a file that may be lost: all are
hashed again then.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from oddwire.disk.drafts import whole_file
from oddwire.errors import DataError
from oddwire.traffic.archive.growing import LogFile
from oddwire.traffic.sources.logs.contents import Content, identify
from oddwire.traffic.sources.logs.listing import Standing, as_lines
from oddwire.traffic.wire_text import shown_path

_STILL = 60.0  # seconds after which a file is taken for written
_READS = 1 << 20


@dataclass(frozen=True)
class FileThere(LogFile):
    """A file and how it stood before it was hashed."""

    standing: Standing


def files_there(paths: Iterable[Path], known: Path) -> list[FileThere]:
    """Identify files, but for those that are known; what has gone meanwhile is left out.

    Parameters
    ----------
    known
        The file that keeps what is known.

    Raises
    ------
    DataError
        If a file cannot be read.
    """
    before, found = _load(known), []
    for path in paths:
        try:
            standing = Standing.of(path)
            content = before.get(standing) or identify(path, most=standing.size)
        except FileNotFoundError:
            continue
        except DataError:
            if not path.exists():
                continue
            raise
        found.append(FileThere(path, content, standing))
    return found


def remember(files: Iterable[FileThere], known: Path) -> None:
    """Keep what is known of files."""
    content = [
        {"path": str(file.path), **asdict(file.standing), "content": vars(file.content)}
        for file in files
    ]
    known.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(known) as draft:
        draft.write_text(as_lines(content), encoding="utf-8")


def contents_there(known: Path) -> list[str]:
    """Return the hashes of the contents of files that were there when they were last looked at."""
    return [content.digest for content in _load(known).values() if content.size]


def empty_files_there(known: Path) -> int:
    """Return how many of those files held nothing: no row, and no header of a log."""
    return sum(not content.size for content in _load(known).values())


def _load(known: Path) -> dict[Standing, Content]:
    try:
        content = json.loads(known.read_text(encoding="utf-8"))
        return {
            Standing(one["device"], one["inode"], one["size"], one["written"]):
                Content(**one["content"])
            for one in content
        }  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return {}


@contextmanager
def held(file: LogFile, scratch: Path) -> Iterator[Path]:
    """Give what was identified of a file, to be read: the file, or a copy if it is written to.

    Parameters
    ----------
    scratch
        A folder for the copy, which is removed again.

    Raises
    ------
    DataError
        If the file is no longer what it was.
    """
    standing = file.standing if isinstance(file, FileThere) else Standing.of(file.path)
    still = time.time() - standing.written / 1e9 > _STILL
    if still and Standing.of(file.path) == standing:
        yield file.path
        if Standing.of(file.path) != standing:
            raise _changed(file.path)
        return
    # In a folder of its own: a log may be called like what else is in the scratch folder.
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        copy = Path(folder) / file.path.name
        try:
            _copy(file.path, copy, standing.size)
            if identify(copy).digest != file.content.digest:
                raise _changed(file.path)
            yield copy
        except DataError as error:  # by the name that people know
            raise DataError(str(error).replace(str(copy), str(file.path))) from None


def _copy(file: Path, copy: Path, size: int) -> None:
    """Copy the first bytes of a file, so many."""
    try:
        with file.open("rb") as source, copy.open("wb") as target:
            while size and (piece := source.read(min(size, _READS))):
                target.write(piece)
                size -= len(piece)
    except FileNotFoundError:
        raise _changed(file) from None


def _changed(file: Path) -> DataError:
    return DataError(f"{shown_path(file)} was replaced while it was read: run it again")

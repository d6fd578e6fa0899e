"""Where a source's own files are."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Sequence
from filecmp import cmp
from functools import lru_cache
from itertools import combinations
from pathlib import Path

from oddwire.disk.own_folders import OwnFolders
from oddwire.errors import DataError
from oddwire.params import Params, SourceSettings
from oddwire.params.values.paths import file_fault, path_fault
from oddwire.project import Project
from oddwire.traffic.wire_text import shown_path

_PACKED = re.compile(r"\.(?:gz|zst|zstd|bz2|xz)$", re.IGNORECASE)
# conn.log.2 is older than conn.log.1, and this older than conn.log; of dates the later is newer.
_ROTATED = re.compile(r"(?P<name>.+?)[.-](?P<number>[0-9]{1,4})")
_DATED = re.compile(r"(?P<name>.+?)[.-](?P<number>[0-9]{5,20})")
_OLDEST = 10**21
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME = 100


def locate(path: Path, root: Path) -> Path:
    """Resolve a path of ``params.yaml``: relative ones are in the project's folder.

    Raises
    ------
    DataError
        If it can be no path.
    """
    if (fault := path_fault(str(path))) is not None:
        raise DataError(f"the path {shown_path(path)} {fault}")
    return root / path.expanduser()


def check_places(params: Params, project: Project) -> None:
    """Refuse files of any source in a folder that oddwire or a tool makes anew.

    Call it before DVC, for all sources: the training of one may delete the file of another.

    Raises
    ------
    DataError
        Naming the file, whose folder it is in, and the remedy.
    """
    own, root = OwnFolders(project, params.sources), project.root
    for name, source in params.sources.items():
        named = [(f"its {key} file", str(path)) for key, path in source.paths().items()]
        named += [("its log", pattern) for pattern in source.logs]
        for which, path in named:
            what = f"source {name!r}: {which} {shown_path(path)}"
            own.refuse(locate(Path(path), root), what, instead=f"data/downloads/{name}")
    for name, pattern in params.drift.current.items():
        what = f"drift.current.{name}: {shown_path(pattern)}"
        own.refuse(locate(Path(pattern), root), what, instead=f"data/downloads/{name}")


def files_of(source: SourceSettings, *, root: Path, required: bool = True) -> dict[str, Path]:
    """Return the files of a source by their keys, log files from the oldest to the newest.

    Of log files that are the same, one is left; the key of a log file follows from its path.

    Parameters
    ----------
    required
        Whether a log file or pattern that names no file is an error.

    Raises
    ------
    DataError
        If a path can be none, or nothing is there under the path or pattern of a log.
    """
    files = {key: locate(path, root) for key, path in source.paths().items()}
    logs = log_files(source.logs, root=root, required=required)
    return files | {_key(file, root): file for file in logs}


def log_files(patterns: Sequence[str], *, root: Path, required: bool = True) -> list[Path]:
    """Return what paths and glob patterns name, each file once, from the oldest to the newest.

    Parameters
    ----------
    root
        The folder from which relative ones count.
    required
        As for `files_of`.

    Raises
    ------
    DataError
        As by `files_of`.
    """
    found: list[Path] = []
    for pattern in patterns:
        matches = _matches(pattern, root)
        if not matches and required:
            raise DataError(no_match(pattern, root))
        found.extend(matches)
    once: dict[str, Path] = {}
    for file in sorted(found, key=rotation_order):
        once.setdefault(os.path.realpath(file), file)
    return list(once.values())


def paths_of(patterns: Sequence[str], *, root: Path) -> list[str]:
    """Return the paths that `log_files` looks at, in its order: some may be no files, or one twice.

    Of thousands of files it takes a fraction of the time.

    Raises
    ------
    DataError
        If a path can be none.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        place = str(locate(Path(pattern), root))
        is_path = not glob.has_magic(pattern) or os.path.isfile(place)  # noqa: PTH113 - see above
        found |= dict.fromkeys([place] if is_path else _paths_under(pattern, root))
    return sorted(found, key=_order_of)


@lru_cache(maxsize=1 << 14)
def _order_of(path: str) -> tuple[object, ...]:
    return rotation_order(Path(path))


def check_files(
    source: SourceSettings, *, root: Path, name: str, required: bool = True
) -> dict[str, Path]:
    """Return the resolved files of a source by their key, having seen that each is there.

    Call it before DVC: where a file has gone since the last run, DVC itself stumbles over the
    link that leads nowhere, before the stage ``link`` can say so.

    Parameters
    ----------
    required
        As for `files_of`.

    Raises
    ------
    DataError
        If a file of the source is missing, is none that ends, such as a pipe, or two are the same.
    """
    try:
        files = files_of(source, root=root, required=required)
    except DataError as error:
        raise DataError(f"source {name!r}: {error}") from None
    named = source.paths()
    for key, file in files.items():
        if (fault := file_fault(file)) is not None:
            which = key if key in named else "log"
            raise DataError(f"source {name!r}: its {which} file {shown_path(file)} {fault}")
    for (key, file), (other, against) in combinations([(key, files[key]) for key in named], 2):
        if why := _same(file, against):
            raise DataError(
                f"source {name!r}: its {other} file {shown_path(against)} {why} its {key} file"
                f" {shown_path(file)}: `{other}` must name other rows, or be left out"
            )
    return files


def missing_files(source: SourceSettings, *, root: Path) -> tuple[str, ...]:
    """Return the paths and patterns of a source, as they are written, that name no file."""
    named = [str(path) for path in source.paths().values() if not _is_file(path, root)]
    return (*named, *(pattern for pattern in source.logs if not _matches_file(pattern, root)))


def rotation_order(file: Path) -> tuple[object, ...]:
    """Return what log files are sorted by: by folder and name, rotated ones the oldest first.

    Examples
    --------
    >>> names = ["conn.log", "conn.log.1", "conn.log.10.gz", "conn.log-20240610.gz"]
    >>> [file.name for file in sorted(map(Path, names), key=rotation_order)]
    ['conn.log-20240610.gz', 'conn.log.10.gz', 'conn.log.1', 'conn.log']
    """
    name = _PACKED.sub("", file.name)
    age = 0
    if found := _ROTATED.fullmatch(name):
        name, age = found["name"], -1 - int(found["number"])
    elif found := _DATED.fullmatch(name):
        name, age = found["name"], int(found["number"]) - _OLDEST
    return _natural(str(file.parent)), _natural(name), age, file.name


def _natural(text: str) -> tuple[str | int, ...]:
    """Split a text such that numbers in it are compared as numbers."""
    return tuple(
        int(part) if at % 2 else part for at, part in enumerate(re.split(r"([0-9]+)", text))
    )


def _matches(pattern: str, root: Path) -> list[Path]:
    """Return what a path or a glob pattern names.

    Folders, and what stages write, are none; of a pattern neither are links that lead nowhere.
    """
    place = locate(Path(pattern), root)
    if place.is_file() or not glob.has_magic(pattern):
        return [place] if os.path.lexists(place) else []
    return [file for file in _globbed(pattern, root) if not _is_broken(file)]


def broken_links(patterns: Sequence[str], *, root: Path) -> list[Path]:
    """Return the links under glob patterns that lead to nothing, each once, in order of name."""
    found = (file for each in patterns if glob.has_magic(each) for file in _globbed(each, root))
    return sorted({file for file in found if _is_broken(file)})


def _is_broken(file: Path) -> bool:
    try:
        return file.is_symlink() and not file.exists()
    except OSError:  # said by whoever reads it
        return False


def _globbed(pattern: str, root: Path) -> list[Path]:
    return [Path(path) for path in _paths_under(pattern, root) if not os.path.isdir(path)]  # noqa: PTH112 - there are thousands


def _paths_under(pattern: str, root: Path) -> list[str]:
    """Return the paths that a glob pattern matches, but for what stages make."""
    absolute = Path(pattern).expanduser()
    if not absolute.is_absolute():  # the project's own folder may hold an asterisk in its name
        absolute = Path(glob.escape(str(root))) / absolute
    project = Project(root)
    folders = (project.raw("x"), project.ingested("x"), project.prepared("x"))
    made = tuple(f"{folder.parent}{os.sep}" for folder in folders)
    found = glob.glob(str(absolute), recursive=True)  # noqa: PTH207 - pathlib's takes no absolute pattern
    return [path for path in found if not path.startswith(made)]


def no_match(pattern: str, root: Path) -> str:
    """Say why a path or glob pattern names no file."""
    place = locate(Path(pattern), root)
    if not glob.has_magic(pattern):
        return f"its log file {shown_path(place)} {file_fault(place)}"
    begun = next(above for above in place.parents if not glob.has_magic(str(above)))
    reason = ""
    if not begun.is_dir():
        reason = f": there is no folder {shown_path(begun)}"
    elif not os.access(begun, os.R_OK | os.X_OK):
        reason = f": the folder {shown_path(begun)} may not be read"
    elif broken := broken_links([pattern], root=root):
        reason = f": {shown_path(broken[0])} is a link that leads to no file"
    return f"no file matches {shown_path(place)}{reason}"


def _key(file: Path, root: Path) -> str:
    """Name a log file in a way that differs from others and stays the same."""
    plain = Path(os.path.normpath(file))
    inside = plain.relative_to(root) if plain.is_relative_to(root) else plain
    digest = hashlib.sha256(os.fsencode(inside)).hexdigest()[:12]
    return f"{digest}-{_NO_NAME.sub('_', file.name)[-_LONGEST_NAME:]}"


def _is_file(path: Path, root: Path) -> bool:
    try:
        return locate(path, root).is_file()
    except (DataError, OSError, RuntimeError, ValueError):  # a name too long, no such user
        return False


def _matches_file(pattern: str, root: Path) -> bool:
    try:
        return any(file.is_file() for file in _matches(pattern, root))
    except (DataError, OSError, RuntimeError, ValueError):
        return False


def _same(file: Path, other: Path) -> str:
    """Say how two files are the same, empty where they are not."""
    if file.samefile(other):
        return "is"
    size = file.stat().st_size  # an empty file is another error
    # Files that differ do so in size or in their first rows, nearly always.
    alike = size and size == other.stat().st_size and cmp(file, other, shallow=False)
    return "has the content of" if alike else ""

"""Where a source's own files are."""

from __future__ import annotations

from filecmp import cmp
from itertools import combinations
from pathlib import Path

from oddwire.errors import DataError
from oddwire.own_folders import OwnFolders
from oddwire.params import Params, SourceSettings
from oddwire.params.values.paths import file_fault, path_fault
from oddwire.project import Project
from oddwire.traffic.wire_text import shown_path


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
    own = OwnFolders(project, params.sources)
    for name, source in params.sources.items():
        for key, path in source.files().items():
            what = f"source {name!r}: its {key} file {shown_path(path)}"
            own.refuse(locate(path, project.root), what, instead=f"data/downloads/{name}")
    for name, pattern in params.drift.current.items():
        what = f"drift.current.{name}: {shown_path(pattern)}"
        own.refuse(locate(Path(pattern), project.root), what, instead=f"data/downloads/{name}")


def check_files(source: SourceSettings, *, root: Path, name: str) -> dict[str, Path]:
    """Return the resolved files of a source by their key, having seen that each is there.

    Call it before DVC: where a file has gone since the last run, DVC itself stumbles over the
    link that leads nowhere, before the stage ``link`` can say so.

    Raises
    ------
    DataError
        If a file of the source is missing, is none that ends, such as a pipe, or two are the same.
    """
    files = {key: locate(path, root) for key, path in source.files().items()}
    for key, file in files.items():
        if (fault := file_fault(file)) is not None:
            raise DataError(f"source {name!r}: its {key} file {shown_path(file)} {fault}")
    for (key, file), (other, against) in combinations(files.items(), 2):
        if why := _same(file, against):
            raise DataError(
                f"source {name!r}: its {other} file {shown_path(against)} {why} its {key} file"
                f" {shown_path(file)}: `{other}` must name other rows, or be left out"
            )
    return files


def _same(file: Path, other: Path) -> str:
    """Say how two files are the same, empty where they are not."""
    if file.samefile(other):
        return "is"
    size = file.stat().st_size  # an empty file is another error
    # Files that differ do so in size or in their first rows, nearly always.
    alike = size and size == other.stat().st_size and cmp(file, other, shallow=False)
    return "has the content of" if alike else ""

"""Stage ``link``: make a source's own files, wherever they lie, known to DVC.

``data/raw/SOURCE`` gets a link to each file. DVC hashes through the links, so that a changed file
is noticed, and stores nothing: big files stay where they are, and stay one copy.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from oddwire.errors import DataError
from oddwire.params import NslKddSource, Source, TableSource, load_params
from oddwire.project import Project
from oddwire.stages.running import run, whole_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = ("train", "test")


def main(source: str) -> None:
    """Link the files of a source of this project."""
    link(Project.find(), source)


def link(project: Project, source: str) -> None:
    """Make ``data/raw/SOURCE``: a link per file, or an empty mark for a simulated source.

    Raises
    ------
    DataError
        If a file of the source is missing.
    """
    files = check_files(project, source)
    with whole_folder(project.raw(source)) as folder:
        for part, file in files.items():
            (folder / (part + _suffix(file))).symlink_to(file)
        if not files:
            (folder / "simulated").touch()


def check_files(project: Project, source: str) -> dict[str, Path]:
    """Return the file of each part of a source, having seen that it is there.

    Call it before DVC: where a file has gone since the last run, DVC itself stumbles over the
    link that leads nowhere, before the stage can say so.

    Raises
    ------
    DataError
        If a file of the source is missing.
    """
    files = dict(source_files(load_params(project.params_file).source(source), project.root))
    for part, file in files.items():
        if not file.is_file():
            what = "is a folder, not a file" if file.is_dir() else "does not exist"
            raise DataError(f"source {source!r}: its {part} file {file} {what}")
    return files


def source_files(source: Source, root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the part and the absolute path of each file that a source names."""
    if isinstance(source, NslKddSource | TableSource):
        for part in PARTS:
            path: Path | None = getattr(source, part)
            if path is not None:
                yield part, root / path.expanduser()


def linked(source: Source, folder: Path) -> Source:
    """Return a source with its files as ``folder`` links to them.

    Raises
    ------
    DataError
        If the links are not there, or not those of this source.
    """
    found: dict[str, Path] = {}
    for part, file in source_files(source, folder):
        link = folder / (part + _suffix(file))
        if not link.is_symlink():
            raise DataError(f"{link} is no link to the {part} file: run the stage `link` first")
        found[part] = link.readlink()
    return source.model_copy(update=found)


def _suffix(file: Path) -> str:
    """Return ``.csv.gz`` as one suffix; a dot elsewhere in the name is part of the name."""
    zipped = file.suffix.lower() == ".gz"
    return Path(file.stem).suffix + file.suffix if zipped else file.suffix


if __name__ == "__main__":
    sys.exit(run(main))

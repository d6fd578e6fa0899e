"""Stage ``link``: make a source's own files, wherever they are, known to DVC.

``data/raw/SOURCE`` gets a link to each file. DVC hashes through the links, so that a changed file
is noticed, and stores nothing: big files stay where they are, and stay one copy.
"""

from __future__ import annotations

import sys
from pathlib import Path

from oddwire.drafts import whole_folder
from oddwire.errors import DataError
from oddwire.params import SourceSettings, load_params
from oddwire.project import Project
from oddwire.stages.running import run
from oddwire.traffic.sources.reading.files import check_files, check_places
from oddwire.traffic.wire_text import shown_path

_NO_FILES = "no-files"  # the mark of a source without any


def link(project: Project, source: str) -> None:
    """Make ``data/raw/SOURCE``: a link per file, or an empty mark for a source without files.

    Raises
    ------
    DataError
        If a file of the source is missing, a file of any source is where a stage would delete it,
        or there is something else than links where they are made.
    """
    params = load_params(project.params_file)
    check_places(params, project)
    files = check_files(params.source(source), root=project.root, name=source)
    _refuse_others(project.raw(source))
    with whole_folder(project.raw(source)) as folder:
        for key, file in files.items():
            (folder / key).symlink_to(file)
        if not files:
            (folder / _NO_FILES).touch()


def _refuse_others(folder: Path) -> None:
    """Refuse to take the place of what this stage has not made; DVC leaves it too (`persist`)."""
    if not folder.is_dir():
        return
    for each in sorted(folder.iterdir()):
        if not each.is_symlink() and each.name != _NO_FILES:
            raise DataError(
                f"{shown_path(each)} is no link, and {folder.name} is replaced as a whole: move it"
                " out of data/raw"
            )


def linked(source: SourceSettings, folder: Path) -> SourceSettings:
    """Return a source with its files as ``folder`` links to them.

    Raises
    ------
    DataError
        If the links are not there, or not those of this source.
    """
    if source.logs:
        return source.model_copy(update={"files": _linked_logs(folder)})
    found: dict[str, Path] = {}
    for key in source.paths():
        link = folder / key
        if not link.is_symlink():
            raise DataError(f"{link} is no link to the {key} file: run the stage `link` first")
        found[key] = link.readlink()
    return source.model_copy(update=found)


def _linked_logs(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise DataError(f"{folder} does not exist: run the stage `link` first")
    return tuple(str(link.readlink()) for link in sorted(folder.iterdir()) if link.is_symlink())


if __name__ == "__main__":
    sys.exit(run(link))

"""Stage ``link``: make a source's own files, wherever they are, known to DVC.

``data/raw/SOURCE`` gets a link to each file. DVC hashes through the links, so that a changed file
is noticed, and stores nothing: big files stay where they are, and stay one copy.

Of a source of logs it gets a list: how each file stands. The archive knows them by their content,
and DVC need not read them a second time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from oddwire.disk.drafts import whole_folder
from oddwire.errors import DataError, listed
from oddwire.params import SourceSettings, load_params
from oddwire.project import Project
from oddwire.stages.running import remark, run
from oddwire.traffic.archive.records import is_of_logs
from oddwire.traffic.sources.logs.listing import NAME, read_listing, write_listing
from oddwire.traffic.sources.reading.files import broken_links, check_files, check_places
from oddwire.traffic.wire_text import shown_path

_SHOWN = 3  # broken links that are named
_NO_FILES = "no-files"  # the mark of a source without any


def link(project: Project, source: str) -> None:
    """Make ``data/raw/SOURCE``: a link per file, a list of logs, or an empty mark for no files.

    Raises
    ------
    DataError
        If a file of the source is missing, a file of any source is where a stage would delete it,
        or there is something else than links where they are made.
    """
    params = load_params(project.params_file)
    check_places(params, project)
    settings = params.source(source)
    has_archive = is_of_logs(project.ingested(source))  # which keeps what has gone
    files = check_files(settings, root=project.root, name=source, required=not has_archive)
    if broken := broken_links(settings.logs, root=project.root):
        links = "1 link leads" if len(broken) == 1 else f"{len(broken):,} links lead"
        remark(f"source {source}: {links} to no file, and no log is read there:"
               f" {listed(map(shown_path, broken), _SHOWN)}")  # fmt: skip
    _refuse_others(project.raw(source))
    with whole_folder(project.raw(source)) as folder:
        if settings.logs:
            write_listing(files.values(), folder)
            return
        for key, file in files.items():
            (folder / key).symlink_to(file)
        if not files:
            (folder / _NO_FILES).touch()


def _refuse_others(folder: Path) -> None:
    """Refuse to take the place of what this stage has not made; DVC leaves it too (`persist`)."""
    if not folder.is_dir():
        return
    for each in sorted(folder.iterdir()):
        if not each.is_symlink() and each.name not in (_NO_FILES, NAME):
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
    found: dict[str, Path] = {}
    for key in source.paths():
        link = folder / key
        if not link.is_symlink():
            raise DataError(f"{link} is no link to the {key} file: run the stage `link` first")
        found[key] = link.readlink()
    return source.model_copy(update=found)


def linked_logs(folder: Path) -> list[Path]:
    """Return the log files of a source, from the oldest to the newest.

    Raises
    ------
    DataError
        If there is no list of them.
    """
    files = read_listing(folder)
    if files is None:
        raise DataError(f"{folder} has no list of log files: run the stage `link` first")
    return files


if __name__ == "__main__":
    sys.exit(run(link))

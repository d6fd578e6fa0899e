"""Stage ``link``: make a source's own files, wherever they are, known to DVC.

``data/raw/SOURCE`` gets a link to each file. DVC hashes through the links, so that a changed file
is noticed, and stores nothing: big files stay where they are, and stay one copy.

Of a source of logs it gets a list: how each file stands. The archive knows them by their content,
and DVC need not read them a second time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from oddwire.drafts import whole_folder
from oddwire.errors import DataError
from oddwire.params import SourceSettings, load_params
from oddwire.project import Project
from oddwire.stages.running import run
from oddwire.traffic.archive.records import is_of_logs
from oddwire.traffic.sources.logs.listing import read_listing, write_listing
from oddwire.traffic.sources.reading.files import check_files


def link(project: Project, source: str) -> None:
    """Make ``data/raw/SOURCE``: a link per file, a list of logs, or an empty mark for no files.

    Raises
    ------
    DataError
        If a file of the source is missing.
    """
    settings = load_params(project.params_file).source(source)
    has_archive = is_of_logs(project.ingested(source))  # which keeps what has gone
    files = check_files(settings, root=project.root, name=source, required=not has_archive)
    with whole_folder(project.raw(source)) as folder:
        if settings.logs:
            write_listing(files.values(), folder)
            return
        for key, file in files.items():
            (folder / key).symlink_to(file)
        if not files:
            (folder / "no-files").touch()


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

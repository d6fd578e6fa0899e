"""Files outside the project, of whose content an order from the Prefect page is told nothing."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oddwire.errors import DataError
from oddwire.project import Project
from oddwire.traffic.sources.reading.files import locate


def is_elsewhere(project: Project, place: str | Path) -> bool:
    """Tell whether a path lies outside the project, symbolic links followed.

    Of a glob pattern, whether anything that it matches does, or may: ``**`` stands for any number
    of folders, so that where ``..`` leads cannot be told.
    """
    if glob.has_magic(str(place)):
        if ".." in Path(place).parts:
            return True
        pattern = str(locate(Path(place), project.root))
        matches = glob.iglob(pattern, recursive=True)  # noqa: PTH207 - pathlib's takes no absolute one
        root = project.root.resolve()
        if any(not Path(one).resolve().is_relative_to(root) for one in matches):
            return True
    found = locate(Path(place), project.root).resolve()
    return not found.is_relative_to(project.root.resolve())


@contextmanager
def telling_little(
    project: Project, place: str | Path, source: str, command: str
) -> Iterator[None]:
    """Say of a file elsewhere only that it is not what the source promises.

    A reader's own words name columns and values: those of ``/etc/shadow`` are passwords.

    Parameters
    ----------
    place
        The file, a glob pattern or a folder; relative ones are in the project.
    command
        The command that tells the rest to its user.
    """
    try:
        yield
    except DataError as error:
        # Of what is written, the reason may be told.
        if not is_elsewhere(project, place) or str(error).startswith("cannot write"):
            raise
        raise DataError(
            f"{place} is not what {source} promises: `{command}` says why, which an order is not "
            "told of files outside the project"
        ) from None

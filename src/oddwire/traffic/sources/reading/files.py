"""Where a source's own files lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddwire.errors import DataError
from oddwire.params import NslKddSource, Source, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTS = ("train", "test")


def locate(path: Path, root: Path) -> Path:
    """Resolve a path of ``params.yaml``: relative ones lie in the project's folder."""
    return root / path.expanduser()


def source_files(source: Source, *, root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the part and the path of each file that a source names."""
    if isinstance(source, NslKddSource | TableSource):
        for part in PARTS:
            path: Path | None = getattr(source, part)
            if path is not None:
                yield part, locate(path, root)


def check_files(source: Source, *, root: Path, name: str) -> dict[str, Path]:
    """Return the file of each part of a source, having seen that it is there.

    Call it before DVC: where a file has gone since the last run, DVC itself stumbles over the
    link that leads nowhere, before the stage ``link`` can say so.

    Parameters
    ----------
    source, name
        The source, and what it is called.
    root
        The project's folder.

    Raises
    ------
    DataError
        If a file of the source is missing.
    """
    files = dict(source_files(source, root=root))
    for part, file in files.items():
        if not file.is_file():
            what = "is a folder, not a file" if file.is_dir() else "does not exist"
            raise DataError(f"source {name!r}: its {part} file {file} {what}")
    return files

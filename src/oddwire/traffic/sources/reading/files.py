"""Where a source's own files are."""

from __future__ import annotations

from pathlib import Path

from oddwire.errors import DataError
from oddwire.params.sources import SourceSettings
from oddwire.params.values.paths import file_fault, path_fault
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


def check_files(source: SourceSettings, *, root: Path, name: str) -> dict[str, Path]:
    """Return the resolved files of a source by their key, having seen that each is there.

    Call it before DVC: where a file has gone since the last run, DVC itself stumbles over the
    link that leads nowhere, before the stage ``link`` can say so.

    Raises
    ------
    DataError
        If a file of the source is missing, or is none that ends, such as a pipe.
    """
    files = {key: locate(path, root) for key, path in source.files().items()}
    for key, file in files.items():
        if (fault := file_fault(file)) is not None:
            raise DataError(f"source {name!r}: its {key} file {shown_path(file)} {fault}")
    return files

"""What a scored file may take the place of: an earlier one, and nothing else unasked."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from oddwire.disk.own_folders import OwnFolders
from oddwire.errors import DataError
from oddwire.operations.scoring.scored_files import explained_file, refused_file
from oddwire.params import Params
from oddwire.project import Project
from oddwire.traffic.sources.reading.files import files_of
from oddwire.traffic.wire_text import shown_path

# By these a scored file and its explanations are known.
_SCORED = {"anomaly_score", "p_value", "extrapolated", "alert", "model_version"}
_EXPLAINED = {"row", "rank", "feature", "benign_median", "benign_quantile", "share"}
_REFUSED = {"line", "reason", "text"}
_LONGEST = 1_000_000  # letters of a header


def check_replaced(out: Path, *, explained: bool) -> None:
    """Refuse to write over a file that is not a scored one.

    Raises
    ------
    DataError
        Naming the file.
    """
    wanted = {out: _SCORED, refused_file(out): _REFUSED}
    wanted |= {explained_file(out): _EXPLAINED} if explained else {}
    for target, columns in wanted.items():
        # What is no file, or cannot be read, cannot be written either: that is told elsewhere.
        if target.is_file() and target.stat().st_size and not columns <= set(_columns(target)):
            raise DataError(
                f"{target} is there already and not a scored file: name another file, or write "
                "over it with `oddwire score --overwrite`"
            )


def check_place(out: Path, project: Project, params: Params) -> None:
    """Refuse to write a file or folder where the next training deletes.

    Raises
    ------
    DataError
        Naming what was to be written.
    """
    own = OwnFolders(project, params.sources)
    if (name := own.holding(out.absolute())) is not None:
        raise DataError(
            f"--out: {shown_path(out)} is in {name}, which {own.maker(name)} makes anew: write to"
            " another folder"
        )


def check_kept(out: Path, project: Project, params: Params, *, explained: bool) -> None:
    """Refuse to write over what a source is read from, or where the next training deletes.

    Raises
    ------
    DataError
        Naming the file.
    """
    targets = [out, refused_file(out), *([explained_file(out)] if explained else [])]
    for target in map(Path.absolute, targets):
        check_place(target, project, params)
        for source, settings in params.sources.items():
            for file in files_of(settings, root=project.root, required=False).values():
                if target.exists() and file.exists() and target.samefile(file):
                    raise DataError(
                        f"--out: {shown_path(target)} is a file of source {source!r}: name another"
                        " file"
                    )


def _columns(file: Path) -> list[str]:
    try:
        if file.name.endswith(".parquet"):
            return list(pq.read_schema(file).names)
        with (gzip.open if file.name.endswith(".gz") else open)(file, "rb") as opened:
            header = opened.readline(_LONGEST).decode(errors="replace")
        if file.name.endswith(".jsonl"):
            return list(json.loads(header))
        return next(csv.reader([header]), [])
    except (OSError, EOFError, ValueError, TypeError, zlib.error, csv.Error, pa.ArrowException):
        return []

"""Stage ``ingest``: a source's files → validated rows in Parquet."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from oddwire.errors import DataError
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.stages.link import linked
from oddwire.stages.running import run, whole_folder
from oddwire.traffic.schema import ATTACK, LABEL, RESERVED, TIME, FeatureSchema
from oddwire.traffic.sources import SourceRows, read_source

if TYPE_CHECKING:
    from pathlib import Path


def main(source: str) -> None:
    """Ingest a source of this project."""
    ingest(Project.find(), source)


def ingest(project: Project, source: str) -> None:
    """Read a source through its links and write ``data/ingested/SOURCE``.

    Raises
    ------
    DataError
        If a file, column or row is not what the source promises.
    """
    settings = load_params(project.params_file).source(source)
    rows = read_source(linked(settings, project.raw(source)), root=project.root)
    with whole_folder(project.ingested(source)) as folder:
        write_rows(rows, folder)


def write_rows(rows: SourceRows, folder: Path) -> None:
    """Write ``train.parquet``, ``test.parquet`` if there is a test file, and ``rows.json``.

    The features of connections are left out: they belong to the code that computes them, and rows
    need not be read again when it changes.
    """
    parts = {"train": rows.train} | ({} if rows.test is None else {"test": rows.test})
    for part, frame in parts.items():
        frame.to_parquet(folder / f"{part}.parquet", index=False)
    content = {
        "kind": rows.kind,
        "schema": rows.schema.to_dict() if rows.kind == "table" else None,
        "parts": {part: count(frame) for part, frame in parts.items()},
    }
    (folder / "rows.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def load_rows(folder: Path) -> SourceRows:
    """Read back what `write_rows` wrote.

    Raises
    ------
    DataError
        If the stage ``ingest`` has not run.
    """
    file = folder / "rows.json"
    if not file.is_file():
        raise DataError(f"{file} does not exist: run the stage `ingest` first")
    content = json.loads(file.read_text(encoding="utf-8"))
    test = folder / "test.parquet"
    return SourceRows(
        kind=content["kind"],
        train=pd.read_parquet(folder / "train.parquet"),
        test=pd.read_parquet(test) if test.is_file() else None,
        schema=_schema(content),
    )


def _schema(content: dict[str, Any]) -> FeatureSchema:
    if content["kind"] == "table":
        return FeatureSchema.from_dict(content["schema"])
    from oddwire.traffic.features.connection_features import CONNECTION_FEATURES

    return CONNECTION_FEATURES


def count(rows: pd.DataFrame) -> dict[str, Any]:
    """Count rows by label and family, and the missing and infinite values by column."""
    values = rows.drop(columns=[name for name in RESERVED if name in rows])
    missing = values.isna().sum()
    infinite = np.isinf(values.select_dtypes("float64")).sum()
    counted: dict[str, Any] = {
        "rows": len(rows),
        "benign": int(rows[LABEL].eq(0).sum()),
        "attacks": int(rows[LABEL].eq(1).sum()),
        "unlabelled": int(rows[LABEL].isna().sum()),
        "families": {str(name): int(n) for name, n in rows[ATTACK].value_counts().items()},
        "missing": {str(name): int(n) for name, n in missing[missing > 0].items()},
        "infinite": {str(name): int(n) for name, n in infinite[infinite > 0].items()},
    }
    if TIME in rows:
        counted["first"] = rows[TIME].min().isoformat()
        counted["last"] = rows[TIME].max().isoformat()
    return counted


if __name__ == "__main__":
    sys.exit(run(main))

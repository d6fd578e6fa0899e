"""The rows of a source, and how they are kept between reading and computing features."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from oddwire.errors import DataError
from oddwire.params import RowKind
from oddwire.traffic.schema import FeatureSchema


@dataclass(frozen=True)
class SourceRows:
    """All rows of a source.

    Parameters
    ----------
    train
        Connections, or a feature frame.
    test
        The same for the official test file; None where there is none.
    schema
        The features of a feature frame; None for connections, whose features belong to the code
        that computes them, so that rows need not be read again when it changes.
    """

    train: pd.DataFrame
    test: pd.DataFrame | None = None
    schema: FeatureSchema | None = None

    @property
    def kind(self) -> RowKind:
        """Whether the rows are connections or a table that brings its features."""
        return "connections" if self.schema is None else "table"


def write_rows(rows: SourceRows, folder: Path) -> None:
    """Write ``train.parquet``, ``test.parquet`` if there is a test file, and ``rows.json``."""
    parts = {"train": rows.train} | ({} if rows.test is None else {"test": rows.test})
    for part, frame in parts.items():
        frame.to_parquet(folder / f"{part}.parquet", index=False)
    content = {"schema": None if rows.schema is None else rows.schema.to_dict()}
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
    schema = json.loads(file.read_text(encoding="utf-8"))["schema"]
    test = folder / "test.parquet"
    return SourceRows(
        train=pd.read_parquet(folder / "train.parquet"),
        test=pd.read_parquet(test) if test.is_file() else None,
        schema=None if schema is None else FeatureSchema.from_dict(schema),
    )

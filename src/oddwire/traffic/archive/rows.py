"""All rows of a source that is read as a whole, and the files that keep them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from oddwire.params import RowKind
from oddwire.traffic.frame_files import write_frames
from oddwire.traffic.schema import FeatureSchema

ROWS_FILE = "rows.json"


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


@dataclass(frozen=True)
class SourceBatches:
    """All rows of a source in pieces, each read when it is asked for, once.

    Parameters
    ----------
    train, test, schema
        As of `SourceRows`, in pieces of the same columns, in the order of time where there is one.
    """

    train: Iterable[pd.DataFrame]
    test: Iterable[pd.DataFrame] | None = None
    schema: FeatureSchema | None = None

    def together(self) -> SourceRows:
        """Read all of them."""
        test = None if self.test is None else pd.concat(self.test, ignore_index=True)
        return SourceRows(pd.concat(self.train, ignore_index=True), test, self.schema)


def write_rows(rows: SourceBatches, folder: Path) -> None:
    """Write ``train.parquet``, ``test.parquet`` if there is a test file, and ``rows.json``."""
    write_frames(rows.train, folder / "train.parquet")
    if rows.test is not None:
        write_frames(rows.test, folder / "test.parquet")
    write_schema(rows.schema, folder)


def write_schema(schema: FeatureSchema | None, folder: Path) -> None:
    """Write ``rows.json``."""
    content = {"schema": None if schema is None else schema.to_dict()}
    (folder / ROWS_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_schema(folder: Path) -> FeatureSchema | None:
    """Read back what `write_schema` wrote."""
    content = json.loads((folder / ROWS_FILE).read_text(encoding="utf-8"))["schema"]
    return None if content is None else FeatureSchema.from_dict(content)

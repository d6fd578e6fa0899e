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
from oddwire.traffic.unit_column import with_unit

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
        As of `SourceRows`, in pieces of the same columns, in the order in which rows are known.
    remarks
        What the person who waits should know of how the files were understood, a sentence each.
    unit
        The columns of connections that name their unit, as the source says; none of a table, whose
        rows bring it.
    """

    train: Iterable[pd.DataFrame]
    test: Iterable[pd.DataFrame] | None = None
    schema: FeatureSchema | None = None
    remarks: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()

    def together(self) -> SourceRows:
        """Read all of them."""
        train = with_unit(pd.concat(self.train, ignore_index=True), self.unit)
        test = None if self.test is None else pd.concat(self.test, ignore_index=True)
        return SourceRows(train, test, self.schema)


def write_rows(rows: SourceBatches, folder: Path) -> None:
    """Write ``train.parquet``, ``test.parquet`` if there is a test file, and ``rows.json``."""
    write_frames(rows.train, folder / "train.parquet")
    if rows.test is not None:
        write_frames(rows.test, folder / "test.parquet")
    write_meaning(rows.schema, rows.unit, folder)


def write_meaning(schema: FeatureSchema | None, unit: tuple[str, ...], folder: Path) -> None:
    """Write ``rows.json``: the features of a table, and what names the unit of connections.

    The unit is found when rows are read, so that they need not be ingested anew for it.
    """
    content = {"schema": None if schema is None else schema.to_dict(), "unit": unit}
    (folder / ROWS_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_meaning(folder: Path) -> tuple[FeatureSchema | None, tuple[str, ...]]:
    """Read back what `write_meaning` wrote."""
    content = json.loads((folder / ROWS_FILE).read_text(encoding="utf-8"))
    schema = content["schema"]
    unit = tuple(content.get("unit", ()))  # earlier versions knew none
    return None if schema is None else FeatureSchema.from_dict(schema), unit

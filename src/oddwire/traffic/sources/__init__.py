"""Sources of traffic: one module per format, imported when a source of that format is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from oddwire.errors import ParameterError
from oddwire.params import NslKddSource, SimulatedSource, Source, TableSource

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from oddwire.traffic.schema import FeatureSchema
    from oddwire.traffic.sources.reading.raw_table import RawTable

Kind = Literal["connections", "table"]


@dataclass(frozen=True)
class SourceRows:
    """All rows of a source.

    Parameters
    ----------
    kind
        Connections, whose features are yet to be computed, or a table that brings its features.
    train
        Connections or a feature frame.
    test
        The same for the official test file; None where there is none.
    schema
        The features that the rows have, or will have.
    """

    kind: Kind
    train: pd.DataFrame
    test: pd.DataFrame | None
    schema: FeatureSchema


@dataclass(frozen=True)
class FileRows:
    """Rows of one file, and the file's own columns.

    Parameters
    ----------
    rows
        Connections, sorted by time, or a feature frame.
    raw
        The columns as they stand in the file.
    places
        For each of the rows its place in the file, counted from 0, shape (n,).
    typed
        Columns of the rows that stand under the same name in the file, and mean the same there.
    """

    rows: pd.DataFrame
    raw: RawTable
    places: NDArray[np.int64]
    typed: tuple[str, ...]

    @classmethod
    def of_table(cls, rows: pd.DataFrame, raw: RawTable, schema: FeatureSchema) -> FileRows:
        """Take a feature frame in the order of the file."""
        return cls(rows, raw, np.arange(len(rows)), schema.numeric)


def read_source(source: Source, *, root: Path) -> SourceRows:
    """Read, or simulate, all rows of a source.

    Parameters
    ----------
    source
        The source's block of ``params.yaml``.
    root
        The project's folder, from which relative paths count.

    Raises
    ------
    DataError
        If a file, column or row is not what the source promises; one sentence names it.
    """
    # The formats are imported here: reading one costs no time for the others.
    match source:
        case SimulatedSource():
            from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
            from oddwire.traffic.sources.simulated import simulate

            return SourceRows("connections", simulate(source), None, CONNECTION_FEATURES)
        case NslKddSource():
            from oddwire.traffic.sources import nsl_kdd

            return nsl_kdd.read_source(source, root=root)
        case TableSource():
            from oddwire.traffic.sources import table

            return table.read_source(source, root=root)


def read_file(source: Source, file: Path, *, schema: FeatureSchema | None = None) -> FileRows:
    """Read one file in the format of a source, for scoring or a drift check.

    Parameters
    ----------
    source
        The source whose format the file has; for a simulated one, the file is a CSV or Parquet
        table of connections.
    file
        The file.
    schema
        The features that a model needs. The rows have no columns beyond them, and a table then
        needs no label. Without it, the file must hold what the source's train file must hold.

    Raises
    ------
    DataError
        If the file, a column or a row is not what the source promises.
    """
    match source:
        case SimulatedSource():
            from oddwire.traffic.sources import connection_table

            return connection_table.read_file(file)
        case NslKddSource():
            from oddwire.traffic.sources import nsl_kdd

            return nsl_kdd.read_file(file, for_scoring=schema is not None)
        case TableSource():
            from oddwire.traffic.sources import table

            return table.read_file(source, file, schema=schema)


def to_features(kind: Kind, frame: pd.DataFrame, schema: FeatureSchema) -> pd.DataFrame:
    """Turn the rows of a source into a feature frame.

    Parameters
    ----------
    kind
        What the rows are.
    frame
        Connections, or a feature frame, which comes back as it is.
    schema
        The features to have.

    Raises
    ------
    ParameterError
        If connections are to have features that this version does not compute.
    """
    if kind == "table":
        return frame
    from oddwire.traffic.features.connection_features import (
        CONNECTION_FEATURES,
        connection_features,
    )

    if unknown := sorted(set(schema.columns) - set(CONNECTION_FEATURES.columns)):
        raise ParameterError(
            f"connections have no feature {', '.join(unknown)} in this version of oddwire"
        )
    return connection_features(frame)

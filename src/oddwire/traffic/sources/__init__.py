"""Sources of traffic: one module per format, imported when a source of that format is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from oddwire.errors import ParameterError
from oddwire.params import NslKddSource, SimulatedSource, Source, TableSource

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from oddwire.traffic.schema import FeatureSchema

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
            from oddwire.traffic.features import CONNECTION_FEATURES
            from oddwire.traffic.sources.simulated import simulate

            return SourceRows("connections", simulate(source), None, CONNECTION_FEATURES)
        case NslKddSource():
            from oddwire.traffic.sources import nsl_kdd

            return nsl_kdd.read_source(source, root=root)
        case TableSource():
            from oddwire.traffic.sources import table

            return table.read_source(source, root=root)


def read_rows(source: Source, file: Path, *, schema: FeatureSchema | None = None) -> pd.DataFrame:
    """Read one file in the format of a source, for scoring or a drift check.

    Parameters
    ----------
    source
        The source whose format the file has; for a simulated one, the file is a CSV or Parquet
        table of connections.
    file
        The file.
    schema
        The features that a model needs. Columns beyond them are left out, and a table then needs
        no label. Without it, the file must hold what the source's train file must hold.

    Returns
    -------
    Connections (sorted by time), or a feature frame in the order of the file.

    Raises
    ------
    DataError
        If the file, a column or a row is not what the source promises.
    """
    match source:
        case SimulatedSource():
            from oddwire.traffic.sources.connections import read_connections

            return read_connections(file)
        case NslKddSource():
            from oddwire.traffic.sources import nsl_kdd

            return nsl_kdd.read_rows(file, for_scoring=schema is not None)
        case TableSource():
            from oddwire.traffic.sources import table

            return table.read_rows(source, file, schema=schema)


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
    from oddwire.traffic.features import (
        CONNECTION_FEATURES,
        connection_features,
    )

    if unknown := sorted(set(schema.columns) - set(CONNECTION_FEATURES.columns)):
        raise ParameterError(
            f"connections have no feature {', '.join(unknown)} in this version of oddwire"
        )
    return connection_features(frame)

"""Connections in a CSV or Parquet file: columns named as in the connection schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from oddwire.traffic.connections import CONNECTION_COLUMNS, check_connections
from oddwire.traffic.sources.columns import categories
from oddwire.traffic.sources.frames import refuse_twins
from oddwire.traffic.sources.reading import RawTable, read_raw

if TYPE_CHECKING:
    from pathlib import Path


def read_connections(file: Path) -> pd.DataFrame:
    """Read a file of connections.

    Parameters
    ----------
    file
        CSV or Parquet, zipped by gzip or not. Columns of other names are left out.

    Returns
    -------
    Connections of the connection schema, sorted by time.

    Raises
    ------
    DataError
        If the file cannot be read, a required column is absent, or a value breaks a rule.
    """
    raw = read_raw(file)
    known = [name for name in dict.fromkeys(raw.names) if name in CONNECTION_COLUMNS]
    refuse_twins(raw, known)
    return check_connections(
        pd.DataFrame({name: _values(raw, name) for name in known}), origin=str(file)
    )


def _values(raw: RawTable, name: str) -> pd.Series[Any]:
    """Take over Parquet's types; CSV's text with its missing values found."""
    column = raw.column(name)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return categories(raw, name)
    return pd.Series(column.to_pandas())

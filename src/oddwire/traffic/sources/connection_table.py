"""Connections in a CSV or Parquet file: columns named as in the connection schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from oddwire.traffic.connections import CONNECTION_COLUMNS, require_columns, type_connections
from oddwire.traffic.schema import time_order
from oddwire.traffic.sources import FileRows
from oddwire.traffic.sources.reading.column_roles import refuse_duplicate_columns
from oddwire.traffic.sources.reading.column_values import categories
from oddwire.traffic.sources.reading.raw_table import RawTable, read_raw


def read_connections(file: Path) -> FileRows:
    """Read a file of connections.

    Parameters
    ----------
    file
        CSV or Parquet, compressed by gzip or not. Columns of other names are left out.

    Returns
    -------
    Connections of the connection schema, sorted by time, and the file's own columns.

    Raises
    ------
    DataError
        If the file cannot be read, a required column is absent, or a value breaks a rule.
    """
    raw = read_raw(file)
    require_columns(raw.names, origin=str(file))
    known = [name for name in dict.fromkeys(raw.names) if name in CONNECTION_COLUMNS]
    refuse_duplicate_columns(raw, known)
    frame = pd.DataFrame({name: _values(raw, name) for name in known})
    typed = type_connections(frame, origin=str(file))
    places = time_order(typed)
    return FileRows(typed.iloc[places].reset_index(drop=True), raw, places, tuple(known))


def _values(raw: RawTable, name: str) -> pd.Series[Any]:
    """Take over Parquet's types; CSV's text with its missing values found."""
    column = raw.column(name)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return categories(raw, name)
    return pd.Series(column.to_pandas())

"""Connections in a CSV or Parquet file: columns named as in the connection schema.

Such a table has no order of a log. Its rows are known in the order of their ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from oddwire.traffic.connections import (
    CONNECTION_COLUMNS,
    END_COLUMNS,
    TEXT_COLUMNS,
    require_columns,
    type_connections,
    type_ends,
)
from oddwire.traffic.schema import END, TIME
from oddwire.traffic.sources.reading.column_roles import refuse_duplicate_columns
from oddwire.traffic.sources.reading.column_values import categories, time_form, times
from oddwire.traffic.sources.reading.file_batches import FileBatches
from oddwire.traffic.sources.reading.raw_file import RawFile, open_raw
from oddwire.traffic.sources.reading.raw_table import RawTable
from oddwire.traffic.sources.times.form import TimeForm


def open_connections(file: Path, *, rows: int | None = None) -> FileBatches:
    """Open a file of connections.

    Parameters
    ----------
    file
        CSV or Parquet, compressed by gzip or not. Columns of other names are left out.
    rows
        At most so many are read at once; None for all.

    Returns
    -------
    Connections of the connection schema, and the file's own columns.

    Raises
    ------
    DataError
        If the file cannot be read, a required column is absent, or, in a batch, a value breaks a
        rule.
    """
    raw = open_raw(file, rows=rows)
    require_columns(raw.names, origin=str(file))
    known = tuple(name for name in dict.fromkeys(raw.names) if name in CONNECTION_COLUMNS)
    refuse_duplicate_columns(raw, known)
    ends_from = tuple(name for name in END_COLUMNS if name in known)
    forms = {name: _form(raw, name) for name in (TIME, END) if name in known}
    to_rows = partial(_connections, known=known, forms=forms)
    to_ends = partial(_ends, known=ends_from, forms=forms)
    return FileBatches(raw, to_rows, known, ends_from, to_ends)


def _form(raw: RawFile, name: str) -> TimeForm:
    """Look at all of a file's times, if the first ones are numbers."""
    first = time_form(lambda: [next(raw.batches([name])).column(name)])
    if not first.numeric or raw.whole is not None:
        return replace(first, has_key=False)
    form = time_form(lambda: (batch.column(name) for batch in raw.batches([name])))
    return replace(form, has_key=False)


def _connections(
    raw: RawTable, *, known: tuple[str, ...], forms: Mapping[str, TimeForm]
) -> pd.DataFrame:
    frame = pd.DataFrame({name: _values(raw, name, forms) for name in known})
    return type_connections(frame, origin=str(raw.file), first_row=raw.first_row)


def _ends(
    raw: RawTable, *, known: tuple[str, ...], forms: Mapping[str, TimeForm]
) -> pd.Series[Any]:
    frame = pd.DataFrame({name: _values(raw, name, forms) for name in known})
    return type_ends(frame, origin=str(raw.file), first_row=raw.first_row)


def _values(raw: RawTable, name: str, forms: Mapping[str, TimeForm]) -> pd.Series[Any]:
    """Take over Parquet's types; CSV's text with its missing values found."""
    if name in forms:
        return times(raw, name, required=name == TIME, form=forms[name])
    column = raw.column(name)
    if pa.types.is_string(column.type):
        return categories(raw, name)
    if name in TEXT_COLUMNS and pa.types.is_integer(column.type):
        return categories(raw, name)  # pandas would write 5 as 5.0 where a batch has gaps
    return pd.Series(column.to_pandas())

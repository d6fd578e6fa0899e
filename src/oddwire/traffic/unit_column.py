"""The columns that a source's ``unit:`` names → one text per row, the column `UNIT`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from oddwire.params import RowKind
from oddwire.traffic.schema import UNIT


def counted_by(unit: Sequence[str], kind: RowKind) -> tuple[str, ...]:
    """Return the columns that name whom the alerts of rows are counted with; none of single rows.

    Parameters
    ----------
    unit
        What the source's ``unit:`` says; nothing where it is left out.
    kind
        What its rows are.

    Examples
    --------
    >>> counted_by((), "connections"), counted_by((), "table"), counted_by(["host"], "table")
    (('src_ip',), (), ('host',))
    """
    return tuple(unit) or (("src_ip",) if kind == "connections" else ())


def unit_texts(columns: Sequence[pd.Series[Any]]) -> pd.Series[Any]:
    """Return whom the alerts of rows are counted with.

    Of several columns the texts are put together as in a line of CSV, so that no two units have
    the same text. It is missing where all columns are.

    Parameters
    ----------
    columns
        One at least, each of n rows.

    Examples
    --------
    >>> hosts = pd.Series(["10.0.0.1", "10.0.0.1", None])
    >>> unit_texts([hosts, pd.Series([443, None, None], dtype="Int32")]).tolist()
    ['10.0.0.1,443', '10.0.0.1,', None]
    """
    places = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        codes, different = pd.factorize(column)
        # Numbered anew each time: the numbers stay below the number of rows.
        places = pd.factorize(places * (len(different) + 1) + codes + 1)[0]
    firsts = np.unique(places, return_index=True)[1]
    rows = zip(*(column.iloc[firsts].astype(object) for column in columns), strict=True)
    texts = np.array([_joined(row) for row in rows], dtype=object)
    return pd.Series(texts[places], index=columns[0].index, dtype=object)


def with_unit(connections: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return connections with the column `UNIT` behind the others, if a source names its columns.

    Parameters
    ----------
    columns
        Columns of the connection schema; none where the source names none.
    """
    if not columns:
        return connections
    return connections.assign(**{UNIT: unit_texts([connections[name] for name in columns])})


def _joined(values: Iterable[Any]) -> str | None:
    texts = [None if pd.isna(value) else str(value) for value in values]
    if len(texts) == 1 or all(text is None for text in texts):
        return texts[0]
    return ",".join("" if text is None else _quoted(text) for text in texts)


def _quoted(text: str) -> str:
    if "," in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text

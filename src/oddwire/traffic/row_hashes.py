"""A number of 8 bytes for each row: the same row has the same, whatever file it came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

Hashes = NDArray[np.uint64]


def hash_rows(rows: pd.DataFrame) -> Hashes:
    """Return a hash of each row over all its columns, uint64 of shape (n,).

    Neither the order of the columns nor their types make a difference.

    Examples
    --------
    >>> rows = pd.DataFrame({"a": [1, 1], "b": ["x", "y"]})
    >>> other = pd.DataFrame({"b": ["y", "x"], "a": [1.0, 1.0]})
    >>> (hash_rows(rows) == hash_rows(other)[::-1]).all()
    np.True_
    """
    # In one order and of one type: the same value is the same, whatever file it came from.
    plain = pd.DataFrame({name: _plain(rows[name]) for name in sorted(rows.columns)})
    return np.asarray(pd.util.hash_pandas_object(plain, index=False), dtype=np.uint64)


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    if is_numeric_dtype(column):
        return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0)  # -0.0 is 0.0
    return column.astype("string").fillna("\0").astype(object).reset_index(drop=True)

"""Labels and attack families of a frame as plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.schema import ATTACK, LABEL


def labels_of(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return labels as float64 of shape (n,): 0 benign, 1 attack, NaN where unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> labels_of(pd.DataFrame({"label": pd.array([0, 1, None], dtype="Int8")}))
    array([ 0.,  1., nan])
    """
    if LABEL not in rows:
        return np.full(len(rows), np.nan)
    return rows[LABEL].to_numpy(dtype="float64", na_value=np.nan)


def attacks_of(rows: pd.DataFrame) -> NDArray[np.object_]:
    """Return attack families as objects of shape (n,), None where benign or unknown."""
    if ATTACK not in rows:
        return np.full(len(rows), None, dtype=object)
    return objects_of(rows[ATTACK])


def objects_of(column: pd.Series[Any]) -> NDArray[np.object_]:
    """Return a column as plain objects of shape (n,), None where missing."""
    objects = column.to_numpy(dtype=object, copy=True)
    objects[column.isna().to_numpy()] = None
    return objects

"""What a row of traffic looks like: the connection record, and tables of any columns.

Two kinds of rows come from sources. *Connections* carry Zeek's fields and become features by
``traffic.features``; a *table* brings its own features. Both end as a **feature frame**: the
feature columns, and the reserved columns, which are never features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_datetime64_any_dtype

from oddwire.params import RowKind

LABEL = "label"  # Int8, 0 benign, 1 attack, missing where unknown
ATTACK = "attack"  # string, the attack's family, missing where benign or unknown
TIME = "ts"  # datetime64[us, UTC]: of a connection, its start
END = "end"  # datetime64[us, UTC], of connections alone: when it ended, and could be known
UNIT = "unit"  # string, whom a row's alerts are counted with, where the source names columns
CAMPAIGN = "campaign"  # string, of attacks: which attacker's work it was, where that is known

# Never features as they are: they name one host or one moment, and leak the label.
TABLE_IDENTIFIERS = (TIME, "uid", "src_ip", "src_port", "dst_ip", "dst_port")
IDENTIFIERS = (TIME, END, *TABLE_IDENTIFIERS[1:])
RESERVED = (*IDENTIFIERS, UNIT, LABEL, ATTACK, CAMPAIGN)


@dataclass(frozen=True)
class FeatureSchema:
    """The feature columns of a source, in order.

    Parameters
    ----------
    numeric
        Columns of float64.
    categorical
        Columns of strings.

    Examples
    --------
    >>> schema = FeatureSchema(numeric=("duration", "src_bytes"), categorical=("proto",))
    >>> schema.columns
    ('duration', 'src_bytes', 'proto')
    >>> FeatureSchema.from_dict(schema.to_dict()) == schema
    True
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All feature columns, the numeric ones first."""
        return self.numeric + self.categorical

    def to_dict(self) -> dict[str, list[str]]:
        """Return plain lists, for JSON."""
        return {"numeric": list(self.numeric), "categorical": list(self.categorical)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> FeatureSchema:
        """Read back what `to_dict` wrote."""
        return cls(tuple(content["numeric"]), tuple(content["categorical"]))


# The column by which rows are ordered and put into periods, by their kind.
KNOWN_AT: Mapping[RowKind, str] = {"connections": END, "table": TIME}


def known_at(columns: Mapping[str, Any] | pd.DataFrame) -> str | None:
    """Return the name in `KNOWN_AT` for rows whose kind is seen by their columns alone.

    None where they have no such column.

    Parameters
    ----------
    columns
        The rows, or the types of their columns by name.
    """
    # A table may have a feature of that name, which is a number or text.
    if END in columns and is_datetime64_any_dtype(columns[END]):
        return END
    return TIME if TIME in columns else None


def time_order(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Return the places of rows in the order in which they are known, shape (n,).

    Equal times keep their order. Rows of unknown time come first: none may pass for the future.
    """
    name = known_at(rows)
    if name is None:
        raise ValueError("rows without times have no order of time")
    # Of times with a zone, NumPy would compare objects.
    times = rows[name].reset_index(drop=True)
    return times.sort_values(kind="stable", na_position="first").index.to_numpy()


def microseconds_of(times: pd.Series[Any]) -> NDArray[np.int64]:
    """Return times of UTC as microseconds since 1970, shape (n,); a missing one is the least."""
    return np.ascontiguousarray(times.to_numpy(dtype="datetime64[us]")).view(np.int64)

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

LABEL = "label"  # Int8, 0 benign, 1 attack, missing where unknown
ATTACK = "attack"  # string, the attack's family, missing where benign or unknown
TIME = "ts"  # datetime64[us, UTC]

# Never features as they are: they name one host or one moment, and leak the label.
IDENTIFIERS = (TIME, "uid", "src_ip", "src_port", "dst_ip", "dst_port")
RESERVED = (*IDENTIFIERS, LABEL, ATTACK)


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


def time_order(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Return the places of rows in the order of their time, shape (n,).

    Equal times keep their order. Rows of unknown time come first: none may pass for the future.
    """
    # Of times with a zone, NumPy would compare objects.
    times = rows[TIME].reset_index(drop=True)
    return times.sort_values(kind="stable", na_position="first").index.to_numpy()

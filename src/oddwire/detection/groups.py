"""Which rows are alike: those with the same categories, such as all DNS answers over UDP.

How many bytes are usual depends on the service. A number that is ordinary among all connections can
be unheard of among its own kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from oddwire.detection.columns import category_codes, hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Places = NDArray[np.int64]

_FEWEST_ROWS = 10  # fewer say little of what is usual among them
_MOST_GROUPS = 128
_SHARE_IN_GROUPS = 0.8
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of the training rows that are large enough to say what is usual among them.

    Parameters
    ----------
    columns
        Categorical columns: rows with the same categories in all of them are a group.
    keys
        A number per group, ascending.
    """

    columns: Sequence[str]
    keys: Keys

    @classmethod
    def fit(cls, frame: pd.DataFrame, names: Sequence[str]) -> Self:
        """Choose the columns, those of few categories first, and find the groups.

        A column is left out where with it fewer than four in five rows would be in a group of ten:
        so no column of a million categories takes the groups apart.

        Parameters
        ----------
        frame
            Training rows.
        names
            Categorical columns to choose from.

        Raises
        ------
        DataError
            If a column is missing.
        """
        counts = {name: len(category_codes(frame, name)[1]) for name in names}
        chosen: list[str] = []
        for name in sorted(names, key=lambda name: (counts[name], name)):
            _, sizes = np.unique(_keys(frame, [*chosen, name]), return_counts=True)
            if sizes[sizes >= _FEWEST_ROWS].sum() >= _SHARE_IN_GROUPS * len(frame):
                chosen.append(name)
        if not chosen:
            return cls([], np.empty(0, dtype=np.uint64))
        keys, sizes = np.unique(_keys(frame, chosen), return_counts=True)
        largest = np.argsort(-sizes, kind="stable")[:_MOST_GROUPS]
        return cls(chosen, np.sort(keys[largest[sizes[largest] >= _FEWEST_ROWS]]))

    def places(self, frame: pd.DataFrame) -> Places:
        """Return the group of each row, -1 where it is in none.

        Raises
        ------
        DataError
            If a column is missing.
        """
        if not len(self.keys):
            return np.full(len(frame), -1)
        keys = _keys(frame, self.columns)
        places = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


def _keys(frame: pd.DataFrame, columns: Sequence[str]) -> Keys:
    """Return a number per row, equal where all categories are, the same in every process."""
    keys = np.zeros(len(frame), dtype=np.uint64)
    for name in columns:
        codes, values = category_codes(frame, name)
        # The last place is for the code of a missing value, -1. Products wrap around.
        keys = keys * _FACTOR ^ np.append(hashes(values), np.uint64(0))[codes]
    return keys

"""Groups of similar rows: those with the same categories, such as all DNS answers over UDP.

How many bytes are typical depends on the service. A number that is normal among all connections can
be unheard of in its group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from oddwire.detection.preprocessing.columns import Categories, hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from oddwire.detection.arrays import Places

    Keys = NDArray[np.uint64]

_FEWEST_ROWS = 10  # fewer say little about what is typical in a group
_MOST_GROUPS = 128
_SHARE_IN_GROUPS = 0.8
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of the training rows that are large enough to have figures of their own.

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

        A column is left out if it is the same in all rows, or if with it fewer than four in five
        rows would be in one of the kept groups: so no column of a million categories splits the
        groups into single rows.

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
        categories = Categories(frame)
        own = {name: _own_keys(categories, name) for name in names}
        counts = {name: len(np.unique(keys)) for name, keys in own.items()}
        rows, chosen = np.zeros(len(frame), dtype=np.uint64), []
        kept = np.empty(0, dtype=np.uint64)
        for name in sorted(names, key=lambda name: (counts[name], name)):
            finer = _joined(rows, own[name])
            keys, sizes = np.unique(finer, return_counts=True)
            largest = np.argsort(-sizes, kind="stable")[:_MOST_GROUPS]
            largest = largest[sizes[largest] >= _FEWEST_ROWS]
            if counts[name] > 1 and sizes[largest].sum() >= _SHARE_IN_GROUPS * len(frame):
                rows, kept = finer, np.sort(keys[largest])
                chosen.append(name)
        return cls(chosen, kept)

    def places(self, categories: Categories) -> Places:
        """Return the group of each row, -1 where it is in none.

        Raises
        ------
        DataError
            If a column is missing.
        """
        if not len(self.keys):
            return np.full(len(categories), -1)
        keys = np.zeros(len(categories), dtype=np.uint64)
        for name in self.columns:
            keys = _joined(keys, _own_keys(categories, name))
        places = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


def _own_keys(categories: Categories, name: str) -> Keys:
    """Return a number per row, equal where the category is, the same in every process."""
    codes, values = categories.codes(name)
    # The last place is for the code of a missing value, -1.
    return np.append(hashes(values), np.uint64(0))[codes]


def _joined(keys: Keys, others: Keys) -> Keys:
    """Return a number per row, equal where both are. Products wrap around."""
    return keys * _FACTOR ^ others

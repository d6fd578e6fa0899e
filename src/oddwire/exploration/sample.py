"""Which rows are looked at, and which class each belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.schema import LABEL

Mask = NDArray[np.bool_]

# In the order in which they are drawn and named.
CLASSES = ("benign", "attack", "unlabelled")


@dataclass(frozen=True, eq=False)
class AllRows:
    """All rows of a source, read piece by piece, as often as they are asked for.

    Parameters
    ----------
    read
        Yields feature frames that together are all rows, in order, with the named columns (None:
        all of them).
    """

    read: Callable[[Sequence[str] | None], Iterator[pd.DataFrame]]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> AllRows:
        """Return the rows of one frame."""
        return cls(lambda names: iter([frame if names is None else frame[list(names)]]))

    @cached_property
    def labels(self) -> NDArray[np.int8]:
        """The labels of all rows: 0, 1, or -1 where unknown."""
        found = [
            piece[LABEL].to_numpy(dtype=np.float64, na_value=-1).astype(np.int8)
            for piece in self.read([LABEL])
        ]
        return np.concatenate(found)

    def finite(self, name: str) -> NDArray[np.float64]:
        """Return the finite values of a numeric column: 8 bytes a row."""
        values = np.concatenate([column_of(piece, name) for piece in self.read([name])])
        finite: NDArray[np.float64] = values[np.isfinite(values)]
        return finite

    def take(self, places: NDArray[np.int64]) -> pd.DataFrame:
        """Return the rows at some places, which ascend."""
        taken: list[pd.DataFrame] = []
        first = 0
        for piece in self.read(None):
            low, high = np.searchsorted(places, [first, first + len(piece)])
            if low < high or not taken:
                taken.append(piece.iloc[places[low:high] - first])
            first += len(piece)
        kept = [piece for piece in taken if len(piece)] or taken[:1]
        return pd.concat(kept, ignore_index=True)


def sample(rows: AllRows, *, max_rows: int) -> pd.DataFrame:
    """Take at most ``max_rows`` rows, evenly spaced, attacks at most half of them.

    Attacks are rare in most traffic: evenly spaced rows alone would hardly show them. Figures are
    given for each class, so this does not bias them.
    """
    attack = rows.labels == 1
    attacks, others = np.flatnonzero(attack), np.flatnonzero(~attack)
    most_attacks = max(max_rows // 2, max_rows - len(others))
    attacks = evenly(attacks, most_attacks)
    chosen = np.concatenate([attacks, evenly(others, max_rows - len(attacks))])
    return rows.take(np.sort(chosen))


def evenly(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Take at most so many places, evenly spaced."""
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).astype(np.int64)]


def classes_of(rows: pd.DataFrame) -> dict[str, Mask]:
    """Say which rows are of each class that occurs, by name."""
    return _classes(rows[LABEL].to_numpy(dtype=np.float64, na_value=-1))


def class_counts(rows: AllRows) -> dict[str, int]:
    """Count the rows of each class, 0 where there are none."""
    masks = _classes(rows.labels)
    return {name: int(masks[name].sum()) if name in masks else 0 for name in CLASSES}


def _classes(labels: NDArray[Any]) -> dict[str, Mask]:
    masks = dict(zip(CLASSES, (labels == 0, labels == 1, labels < 0), strict=True))
    return {name: chosen for name, chosen in masks.items() if chosen.any()}


def column_of(rows: pd.DataFrame, name: str) -> NDArray[Any]:
    """Return a numeric column as float64, missing as NaN."""
    return rows[name].to_numpy(dtype=np.float64, na_value=np.nan)

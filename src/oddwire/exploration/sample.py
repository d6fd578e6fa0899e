"""Which rows are looked at, and which class each belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.schema import LABEL

Mask = NDArray[np.bool_]

# In the order in which they are drawn and named.
CLASSES = ("benign", "attack", "unlabelled")


def sample(rows: pd.DataFrame, *, max_rows: int) -> pd.DataFrame:
    """Take at most ``max_rows`` rows, evenly spaced, attacks at most half of them.

    Attacks are rare in most traffic: evenly spaced rows alone would hardly show them. Figures are
    given for each class, so this does not bias them.
    """
    attack = rows[LABEL].eq(1).fillna(value=False).to_numpy(dtype=bool)
    attacks, others = np.flatnonzero(attack), np.flatnonzero(~attack)
    most_attacks = max(max_rows // 2, max_rows - len(others))
    attacks = evenly(attacks, most_attacks)
    chosen = np.concatenate([attacks, evenly(others, max_rows - len(attacks))])
    return rows.iloc[np.sort(chosen)].reset_index(drop=True)


def evenly(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Take at most so many places, evenly spaced."""
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).astype(np.int64)]


def classes_of(rows: pd.DataFrame) -> dict[str, Mask]:
    """Say which rows are of each class that occurs, by name."""
    label = rows[LABEL].to_numpy(dtype=np.float64, na_value=np.nan)
    masks = dict(zip(CLASSES, (label == 0, label == 1, np.isnan(label)), strict=True))
    return {name: chosen for name, chosen in masks.items() if chosen.any()}


def class_counts(rows: pd.DataFrame) -> dict[str, int]:
    """Count the rows of each class, 0 where there are none."""
    masks = classes_of(rows)
    return {name: int(masks[name].sum()) if name in masks else 0 for name in CLASSES}


def column_of(rows: pd.DataFrame, name: str) -> NDArray[Any]:
    """Return a numeric column as float64, missing as NaN."""
    return rows[name].to_numpy(dtype=np.float64, na_value=np.nan)

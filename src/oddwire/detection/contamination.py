"""Contamination: the training rows to leave out where not all of them are known to be benign.

A detector takes for normal what it has seen. A flood among its training rows is dense, and the next
one like it lies close to it. So the most anomalous rows are left out before anything is fitted.
They are found by an isolation forest, whose trees see few rows each and few of them an attack: of
the detectors here it suffers least from attacks among its training rows (`docs/decisions/0011`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from oddwire.detection.model import Model

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from oddwire.traffic.schema import FeatureSchema

FOREST = "isolation_forest"


def most_anomalous_rows(
    train: pd.DataFrame, schema: FeatureSchema, contamination: float, *, seed: int
) -> NDArray[np.bool_]:
    """Find the most anomalous training rows.

    Parameters
    ----------
    train
        Feature frame of n rows, n ≥ 1.
    schema
        Its feature columns.
    contamination
        Share of the rows to find, from 0 to less than 1.
    seed
        Seed of the forest.

    Returns
    -------
    ndarray of bool of shape (n,)
        True for that share of them, rounded down; fewer where more rows share the last one's score,
        since rows of one score stay or go together.

    Raises
    ------
    DataError
        If the rows hold no value to learn from.
    """
    wanted = int(contamination * len(train))
    if wanted == 0:
        return np.zeros(len(train), dtype=bool)
    scores = Model.build(schema, FOREST, seed=seed).fit(train).anomaly_score(train)
    stays = len(scores) - wanted - 1  # place of the most anomalous row that stays
    found: NDArray[np.bool_] = scores > np.partition(scores, stays)[stays]
    return found

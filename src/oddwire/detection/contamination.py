"""Which training rows are not learned from, where not all of them are known to be benign.

A detector takes what it has seen for ordinary. A flood that stands among its training rows is dense
and near itself, and so is the next one like it. So the oddest rows are left out before anything is
fitted. What is odd is said by an isolation forest, whose trees see few rows each and few of them an
attack: of the detectors here it is the one that attacks among its training rows harm least
(`docs/decisions/0011`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

# The parts of a `Model` alone, so that DVC's stages hang on one detector's code and no other's.
from oddwire.detection.detectors import anomaly_score, build_detector, default_parameters
from oddwire.detection.preprocessing.table import TablePreprocessor

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from oddwire.traffic.schema import FeatureSchema

FOREST = "isolation_forest"


def forest_scores(
    train: pd.DataFrame, rows: pd.DataFrame, schema: FeatureSchema, *, seed: int
) -> NDArray[np.float64]:
    """Score rows by a default isolation forest, whose fit takes little time however many rows.

    Parameters
    ----------
    train, rows
        Feature frames: to fit to, and to score, of n rows.
    schema
        Their feature columns.
    seed
        Seed of the forest.

    Returns
    -------
    ndarray of float64 of shape (n,)
        Higher is odder.

    Raises
    ------
    DataError
        If the training rows hold no value to learn from.
    """
    chosen = default_parameters(FOREST)
    preprocessing = TablePreprocessor(schema.numeric, schema.categorical).set_params(
        **{
            name.removeprefix("preprocessing__"): value
            for name, value in chosen.items()
            if name.startswith("preprocessing__")
        }
    )
    detector = build_detector(FOREST, chosen, random_state=seed)
    detector.fit(preprocessing.fit_transform(train))
    return anomaly_score(detector, preprocessing.transform(rows))


def oddest_rows(
    train: pd.DataFrame, schema: FeatureSchema, contamination: float, *, seed: int
) -> NDArray[np.bool_]:
    """Say which training rows are the oddest.

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
        That share of them, rounded down; fewer where rows are as odd as the last one, since rows of
        one score stay or go together.

    Raises
    ------
    DataError
        If the rows hold no value to learn from.
    """
    wanted = int(contamination * len(train))
    if wanted == 0:
        return np.zeros(len(train), dtype=bool)
    scores = forest_scores(train, train, schema, seed=seed)
    stays = len(scores) - wanted - 1  # the oddest one that stays
    odd: NDArray[np.bool_] = scores > np.partition(scores, stays)[stays]
    return odd

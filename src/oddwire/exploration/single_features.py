"""How well each feature alone separates attacks from benign rows.

A feature that does so almost perfectly is more often a leak (a row number, an address, the label
under another name) than a finding.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.exploration.sample import AllRows, class_counts, classes_of
from oddwire.traffic.schema import LABEL, FeatureSchema

Codes = NDArray[np.int64]
Vector = NDArray[np.float64]

LEAST_OF_A_CLASS = 10  # an AUC of fewer rows is noise
_FOLDS = 5
_MOST_BANDS = 100
_ROWS_PER_BAND = 50


def auc_alone(rows: pd.DataFrame, schema: FeatureSchema) -> dict[str, float]:
    """Return the ROC AUC of each feature alone, 0.5 (chance) to 1.

    The larger of two: that of the value itself, whichever way round and missing as the median; and
    that of the share of attacks among the rows of the same category, or of the same band of values
    (at most 100, equally full), learned from four fifths of the rows and applied to the fifth
    (Micci-Barreca 2001, *A preprocessing scheme for high-cardinality categorical attributes*). The
    second sees attacks in the middle of a range too, and counts missing as a category. Rows of
    unknown label are left out.

    Returns
    -------
    dict
        By feature; empty where one of the classes has fewer than `LEAST_OF_A_CLASS` rows.
    """
    from sklearn.metrics import roc_auc_score

    counts = class_counts(AllRows.of(rows))
    if min(counts["benign"], counts["attack"]) < LEAST_OF_A_CLASS:
        return {}
    known = rows[rows[LABEL].notna()]
    attack = classes_of(known)["attack"]
    rates = _rates(_codes(known, schema), attack)
    found = {
        name: float(roc_auc_score(attack, rates[:, at])) for at, name in enumerate(schema.columns)
    }
    for name in schema.numeric:
        ranks = known[name].astype(np.float64).rank(pct=True)  # infinite values have a rank too
        filled = ranks.fillna(ranks.quantile()).fillna(0.5)
        itself = float(roc_auc_score(attack, filled))
        found[name] = max(found[name], itself, 1 - itself)
    return {name: max(0.5, value) for name, value in found.items()}


def _codes(rows: pd.DataFrame, schema: FeatureSchema) -> Codes:
    """Return the category, or the band of values, of each feature, missing being one of its own."""
    bands = [_bands(rows[name].astype(np.float64)) for name in schema.numeric]
    return np.column_stack([*bands, *(pd.factorize(rows[name])[0] for name in schema.categorical)])


def _bands(values: pd.Series[float]) -> Codes:
    bands = int(np.clip(values.count() // _ROWS_PER_BAND, 2, _MOST_BANDS))
    ranks = values.rank(method="dense")
    if ranks.max() > bands:  # equal values have equal ranks, so that they stay together
        ranks = values.rank() * bands / (values.count() + 1)
    return ranks.fillna(-1).to_numpy().astype(np.int64)


def _rates(codes: Codes, attack: NDArray[np.bool_]) -> Vector:
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    encoder = TargetEncoder(target_type="binary", cv=folds)
    rates: Vector = encoder.fit_transform(codes, attack.astype(np.int64))
    return rates

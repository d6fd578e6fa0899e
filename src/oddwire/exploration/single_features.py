"""How well each feature alone tells attacks from benign rows.

A feature that does so nearly without fault is more often a leak (a row number, an address, the
label under another name) than a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from oddwire.exploration.sample import class_counts, classes_of, column_of
from oddwire.traffic.schema import LABEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from oddwire.traffic.schema import FeatureSchema

    Codes = NDArray[np.int64]
    Vector = NDArray[np.float64]

LEAST_OF_A_CLASS = 10  # an AUC of fewer rows is noise
_FOLDS = 5
_MOST_BANDS = 100
_ROWS_PER_BAND = 50


def auc_alone(rows: pd.DataFrame, schema: FeatureSchema) -> dict[str, float]:
    """Return the ROC AUC of each feature alone, 0.5 (tells nothing) to 1.

    The larger of two: that of the value itself, whichever way round and missing as the median; and
    that of the share of attacks among the rows of the same category, or of the same band of values
    (at most 100, equally full), learnt from four fifths of the rows and applied to the fifth
    (Micci-Barreca 2001, *A preprocessing scheme for high-cardinality categorical attributes*). The
    second sees attacks in the middle of a range too, and counts missing as a category. Rows of
    unknown label are left out.

    Returns
    -------
    dict
        By feature; empty where one of the classes has fewer than `LEAST_OF_A_CLASS` rows.
    """
    counts = class_counts(rows)
    if min(counts["benign"], counts["attack"]) < LEAST_OF_A_CLASS:
        return {}
    known = rows[rows[LABEL].notna()]
    attack = classes_of(known)["attack"]
    rates = _rates(_codes(known, schema), attack)
    found = {name: auc(rates[:, at], attack) for at, name in enumerate(schema.columns)}
    for name in schema.numeric:
        itself = auc(_filled(column_of(known, name)), attack)
        found[name] = max(found[name], itself, 1 - itself)
    return {name: max(0.5, value) for name, value in found.items()}


def _filled(values: Vector) -> Vector:
    known = np.sort(values[~np.isnan(values)])
    middle = known[len(known) // 2] if known.size else 0.0  # no mean: both ends may be infinite
    return np.where(np.isnan(values), middle, values)


def auc(score: Vector, attack: NDArray[np.bool_]) -> float:
    """Return the ROC AUC of a score (Mann & Whitney 1947), ties counting half."""
    from scipy.stats import rankdata

    attacks = int(attack.sum())
    ranks = rankdata(score)[attack].sum()
    return float((ranks - attacks * (attacks + 1) / 2) / (attacks * (len(attack) - attacks)))


def _codes(rows: pd.DataFrame, schema: FeatureSchema) -> Codes:
    """Return the category, or the band of values, of each feature, missing being one of its own."""
    codes = np.zeros((len(rows), len(schema.columns)), dtype=np.int64)
    for at, name in enumerate(schema.numeric):
        codes[:, at] = _bands(column_of(rows, name))
    for at, name in enumerate(schema.categorical, start=len(schema.numeric)):
        codes[:, at] = pd.factorize(rows[name])[0]
    return codes


def _bands(values: Vector) -> Codes:
    from scipy.stats import rankdata

    known = ~np.isnan(values)
    bands = int(np.clip(known.sum() // _ROWS_PER_BAND, 2, _MOST_BANDS))
    codes = np.full(len(values), -1, dtype=np.int64)
    different, inverse = np.unique(values[known], return_inverse=True)
    if len(different) <= bands:
        codes[known] = inverse
    else:  # equal values have equal ranks, so that they stay together
        codes[known] = rankdata(values[known]) * bands / (known.sum() + 1)
    return codes


def _rates(codes: Codes, attack: NDArray[np.bool_]) -> Vector:
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    encoder = TargetEncoder(target_type="binary", cv=folds)
    rates: Vector = encoder.fit_transform(codes, attack.astype(np.int64))
    return rates

"""Which feature columns tell attacks from benign rows: a ranking that a search may cut.

Learnt from the validation rows, the only ones before the test that hold attacks; the test rows say
nothing. A detector that sees fewer columns has less noise to look past, but is blind to attacks
that show in the others, so a search chooses how many to keep.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_selection import mutual_info_classif
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from oddwire.detection.preprocessing.columns import category_codes, numbers
from oddwire.errors import ParameterError
from oddwire.traffic.labels import labels_of
from oddwire.traffic.schema import FeatureSchema

NONE, MUTUAL_INFORMATION, PERMUTATION = "none", "mutual_information", "permutation"
_MOST_CATEGORIES = 31
_MOST_ROWS = 10_000
_FEWEST = 10  # of each class
_REPEATS = 3


def rank_columns(
    validation: pd.DataFrame, schema: FeatureSchema, *, method: str, seed: int
) -> dict[str, float]:
    """Rank feature columns by what they tell about the label.

    Parameters
    ----------
    validation
        Feature frame with labels.
    schema
        Its feature columns.
    method
        ``mutual_information``: between each column alone and the label, in nats (Kraskov,
        Stögbauer & Grassberger 2004; Ross 2014). ``permutation``: what a gradient-boosted
        classifier loses in average precision, on rows held out from it, when the column is
        shuffled (Breiman 2001); columns that say the same share what they tell.
    seed
        Of everything random.

    Returns
    -------
    dict
        What each column tells, the most telling first.

    Raises
    ------
    ParameterError
        If the validation rows hold too few labels of either class.
    """
    labels = labels_of(validation)
    counts = [int((labels == label).sum()) for label in (0, 1)]
    if min(counts) < _FEWEST:
        raise ParameterError(
            f"search.feature_selection needs {_FEWEST} benign rows and {_FEWEST} attacks among the "
            f"validation rows, got {counts[0]} and {counts[1]}: set it to none"
        )
    rows = np.flatnonzero(~np.isnan(labels))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_ROWS, replace=False))
    matrix = _as_numbers(validation.iloc[rows], schema)
    discrete = np.arange(matrix.shape[1]) >= len(schema.numeric)
    measure = _mutual_information if method == MUTUAL_INFORMATION else _permutation
    told = measure(matrix, labels[rows].astype(int), discrete, seed)
    order = np.argsort(-told, kind="stable")
    return {schema.columns[place]: float(told[place]) for place in order}


def _as_numbers(frame: pd.DataFrame, schema: FeatureSchema) -> np.ndarray:
    """Return numbers without holes, and codes of categories, in the order of the schema."""
    columns = []
    for name in schema.numeric:
        column = numbers(frame, name)
        finite = column[np.isfinite(column)]
        middle, low, high = (
            (np.median(finite), finite.min(), finite.max()) if finite.size else (0.0, 0.0, 0.0)
        )
        columns.append(np.nan_to_num(column, nan=middle, posinf=high, neginf=low))
    columns += [_frequent(category_codes(frame, name)[0]) for name in schema.categorical]
    return np.column_stack(columns)


def _frequent(codes: np.ndarray) -> np.ndarray:
    """Number the categories, the most frequent first; the rare ones share a number.

    Of a name that each row has to itself, mutual information would find that it tells everything.
    """
    _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts))
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(rank, _MOST_CATEGORIES)[inverse]


def _mutual_information(
    matrix: np.ndarray, labels: np.ndarray, discrete: np.ndarray, seed: int
) -> np.ndarray:
    told: np.ndarray = mutual_info_classif(
        matrix, labels, discrete_features=discrete, random_state=seed
    )
    return told


def _permutation(
    matrix: np.ndarray, labels: np.ndarray, discrete: np.ndarray, seed: int
) -> np.ndarray:
    del discrete
    learn, judge, known, asked = train_test_split(
        matrix, labels, test_size=0.3, stratify=labels, random_state=seed
    )
    classifier = HistGradientBoostingClassifier(class_weight="balanced", random_state=seed)
    found = permutation_importance(
        classifier.fit(learn, known), judge, asked,
        scoring="average_precision", n_repeats=_REPEATS, random_state=seed,
    )  # fmt: skip
    told: np.ndarray = found.importances_mean
    return told

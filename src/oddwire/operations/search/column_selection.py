"""Which feature columns tell attacks from benign rows: a ranking that a search may cut.

It comes from one half of the validation rows, the only ones before the test that hold attacks; the
search evaluates its trials on the other half. A detector that sees fewer columns has less noise to
look past, but is blind to attacks that show in the others, so a search chooses how many to keep.
What that gains is measured in ``docs/decisions/0013-feature-selection-on-rows-apart.md``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_selection import mutual_info_classif
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from oddwire.detection.preprocessing.columns import category_codes, numbers
from oddwire.errors import ParameterError
from oddwire.evaluation.families import family_names
from oddwire.evaluation.metrics import known_labels
from oddwire.traffic.schema import ATTACK, LABEL, FeatureSchema

NONE, MUTUAL_INFORMATION, PERMUTATION = "none", "mutual_information", "permutation"
_MOST_CATEGORIES = 31
_MOST_ROWS = 10_000
_FEWEST = 10  # of each class
_REPEATS = 3


def split_validation(rows: pd.DataFrame, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split validation rows into a half that ranks columns and a half that evaluates trials.

    Benign rows, unlabelled rows and each attack family are halved on their own, to within a row.

    Parameters
    ----------
    rows
        Feature frame, with or without labels.
    seed
        The same rows and seed give the same halves.

    Returns
    -------
    tuple of DataFrame
        The rows to rank columns by and the rows to evaluate trials on, each in their given order.
    """
    known, attack = known_labels(rows.get(LABEL), len(rows))
    strata = np.full(len(rows), -1)
    strata[known] = 0
    is_attack = known.copy()
    is_attack[known] = attack
    strata[is_attack] = 1 + pd.factorize(family_names(rows.get(ATTACK), len(rows))[is_attack])[0]
    order = np.random.default_rng(seed).permutation(len(rows))
    order = order[np.argsort(strata[order], kind="stable")]
    return rows.iloc[np.sort(order[::2])], rows.iloc[np.sort(order[1::2])]


def rank_columns(
    rows: pd.DataFrame, schema: FeatureSchema, *, method: str, seed: int
) -> dict[str, float]:
    """Rank feature columns by what they tell about the label.

    Parameters
    ----------
    rows
        Feature frame with labels: the half that `split_validation` sets aside for this.
    method
        ``mutual_information``: between each column alone and the label, in nats (Kraskov,
        Stögbauer & Grassberger 2004; Ross 2014). ``permutation``: what a gradient-boosted
        classifier loses in average precision, on rows held out from it, when the column is
        shuffled (Breiman 2001); columns that say the same share their importance.

    Returns
    -------
    dict
        Importance of each column by its name, the most important first.

    Raises
    ------
    ParameterError
        If the rows hold too few labels of either class.
    """
    known, attack = known_labels(rows.get(LABEL), len(rows))
    attacks, benign = int(attack.sum()), int((~attack).sum())
    if min(attacks, benign) < _FEWEST:
        raise ParameterError(
            f"search.feature_selection needs {_FEWEST} benign rows and {_FEWEST} attacks in the "
            f"half of the validation rows that ranks columns, got {benign} and {attacks}: set it "
            "to none"
        )
    labelled, labels = rows[known], attack.astype(int)
    if len(labelled) > _MOST_ROWS:
        drawn = np.random.default_rng(seed).choice(len(labelled), _MOST_ROWS, replace=False)
        labelled, labels = labelled.iloc[np.sort(drawn)], labels[np.sort(drawn)]
    matrix = _as_numbers(labelled, schema)
    discrete = np.arange(matrix.shape[1]) >= len(schema.numeric)
    measure = _mutual_information if method == MUTUAL_INFORMATION else _permutation
    importance = measure(matrix, labels, discrete, seed)
    order = np.argsort(-importance, kind="stable")
    return {schema.columns[place]: float(importance[place]) for place in order}


def _as_numbers(frame: pd.DataFrame, schema: FeatureSchema) -> np.ndarray:
    """Return numbers, missing ones filled, and codes of categories, in the order of the schema."""
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

    Otherwise mutual information would rate a name that is unique to each row above all columns.
    """
    _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts))
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(rank, _MOST_CATEGORIES)[inverse]


def _mutual_information(
    matrix: np.ndarray, labels: np.ndarray, discrete: np.ndarray, seed: int
) -> np.ndarray:
    information: np.ndarray = mutual_info_classif(
        matrix, labels, discrete_features=discrete, random_state=seed
    )
    return information


def _permutation(
    matrix: np.ndarray, labels: np.ndarray, discrete: np.ndarray, seed: int
) -> np.ndarray:
    del discrete
    train, test, train_labels, test_labels = train_test_split(
        matrix, labels, test_size=0.3, stratify=labels, random_state=seed
    )
    classifier = HistGradientBoostingClassifier(class_weight="balanced", random_state=seed)
    # Many short predictions: OpenMP's threads would wait for each other most of the time.
    with threadpool_limits(1, user_api="openmp"):
        importance = permutation_importance(
            classifier.fit(train, train_labels), test, test_labels,
            scoring="average_precision", n_repeats=_REPEATS, random_state=seed,
        )  # fmt: skip
    mean: np.ndarray = importance.importances_mean
    return mean

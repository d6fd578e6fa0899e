"""Supervised baselines: classifiers that show what labels would add; never registered.

They learn from attacks as well as from benign rows, so they recognise what they have seen; the
detectors know benign rows only. Comparing the two shows what labels are worth, and on attack
families without labels, what they cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from oddwire.detection.preprocessing.table import TablePreprocessor
from oddwire.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from oddwire.traffic.schema import FeatureSchema

SUPERVISED_BASELINES = ("decision_tree", "random_forest", "hist_gradient_boosting", "linear_svm")
BALANCES = ("class_weight", "oversample")
_LEAF = 5  # rows: a leaf of one row memorises it


def build_baseline(name: str, schema: FeatureSchema, *, balance: str, seed: int) -> Pipeline:
    """Make an unfitted classifier, its preprocessing included.

    Parameters
    ----------
    name
        One of `SUPERVISED_BASELINES`.
    schema
        The feature columns.
    balance
        How benign rows and attacks get the same total weight. ``class_weight``: each row is
        weighted by the inverse of its class's share. ``oversample``: rows of the rarer class are
        drawn again until both are equally many (imbalanced-learn's `RandomOverSampler`), as a step
        of the pipeline, so that a cross-validation oversamples each fold by itself.
    seed
        Of everything random.

    Raises
    ------
    ParameterError
        If there is no such baseline or balance.
    """
    if name not in SUPERVISED_BASELINES:
        raise ParameterError(
            f"unknown baseline {name!r}: there are {', '.join(SUPERVISED_BASELINES)}"
        )
    if balance not in BALANCES:
        raise ParameterError(f"balance must be {' or '.join(BALANCES)}, got {balance!r}")
    weights = "balanced" if balance == "class_weight" else None
    steps = [
        ("preprocessing", TablePreprocessor(schema.numeric, schema.categorical)),
        ("classifier", _classifier(name, weights, seed)),
    ]
    if balance == "class_weight":
        return Pipeline(steps)
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import Pipeline as ResamplingPipeline

    return ResamplingPipeline(
        [steps[0], ("oversample", RandomOverSampler(random_state=seed)), steps[1]]
    )


def _classifier(name: str, weights: str | None, seed: int) -> Any:
    match name:
        case "decision_tree":
            return DecisionTreeClassifier(
                class_weight=weights, min_samples_leaf=_LEAF, random_state=seed
            )
        case "random_forest":
            # One thread: a training may fit several at once, and trees are quick.
            return RandomForestClassifier(
                n_estimators=200, class_weight=weights, min_samples_leaf=2, random_state=seed
            )
        case "hist_gradient_boosting":
            return HistGradientBoostingClassifier(class_weight=weights, random_state=seed)
        case _:
            return LinearSVC(class_weight=weights, C=0.1, random_state=seed)


def attack_scores(baseline: Pipeline, frame: pd.DataFrame) -> np.ndarray:
    """Return a fitted baseline's scores, higher = more likely an attack, shape (n,)."""
    if hasattr(baseline, "decision_function"):
        scores: np.ndarray = baseline.decision_function(frame)
        return scores
    probabilities: np.ndarray = baseline.predict_proba(frame)[:, 1]
    return probabilities

"""The criterion that a search maximises and that the detectors of a training are compared by.

``family_roc_auc``
    Where validation holds attacks of named families: the mean over the families of the ROC AUC
    against the benign rows.
``average_precision``
    Where attacks have no names.
``synthetic_anomalies_and_shape``
    Where there is no attack or no label: the mean over the kinds of synthetic anomaly of the
    average precision against the rows, with the shape of the scores as one more kind.

``docs/decisions/0005-search-objective.md`` has the reasons. Detectors of different kinds are
compared by ``family_log_auc`` in place of ``family_roc_auc``: see
``docs/decisions/0012-the-best-of-a-training.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.detection.search_space import HyperParameters
from oddwire.evaluation.families import family_names
from oddwire.evaluation.metrics import (
    Curve,
    average_precision,
    check_scores,
    log_auc,
    ranking_curve,
    roc_auc,
)
from oddwire.evaluation.without_labels.compactness import (
    Score,
    compactness_over_subsets,
    varying_columns,
)
from oddwire.evaluation.without_labels.synthetic_anomalies import make_synthetic_anomalies
from oddwire.traffic.schema import ATTACK, LABEL, FeatureSchema

FAMILY_ROC_AUC = "family_roc_auc"
FAMILY_LOG_AUC = "family_log_auc"
AVERAGE_PRECISION = "average_precision"
SYNTHETIC_AND_SHAPE = "synthetic_anomalies_and_shape"
_ORDINARY = -1
_FEWEST_OF_A_KIND = 10  # rarer families share a kind: the figure of a single row is chance
_MOST_KINDS = 30
_REFITTED = 600
_LOG_AUC_FLOOR = 0.003  # below a typical target FPR: detectors are rarely equal there
_MEASURES: Mapping[str, Callable[[Curve], float]] = {
    FAMILY_ROC_AUC: roc_auc,
    FAMILY_LOG_AUC: partial(log_auc, floor=_LOG_AUC_FLOOR),
    AVERAGE_PRECISION: average_precision,
    SYNTHETIC_AND_SHAPE: average_precision,
}


def in_words(criterion: str) -> str:
    """Return a criterion's name in words."""
    return {
        FAMILY_ROC_AUC: "mean family ROC AUC",
        FAMILY_LOG_AUC: "mean log AUC over attack families, from an FPR of 0.3 %",
        AVERAGE_PRECISION: "average precision",
        SYNTHETIC_AND_SHAPE: "synthetic anomalies and shape of the scores",
    }.get(criterion, criterion)


@dataclass(frozen=True, eq=False)
class ShapeCriterion:
    """The shape of a detector's scores over few columns at a time, which needs no label."""

    rows: pd.DataFrame
    schema: FeatureSchema
    seed: int

    def value(self, detector: str, parameters: HyperParameters, train: pd.DataFrame) -> float:
        """Return the mean compactness of a detector's scores, fitted anew to each set of columns.

        Parameters
        ----------
        train
            Rows to fit on; at most 600 are drawn.
        """
        few = train.sample(min(len(train), _REFITTED), random_state=self.seed)

        def fit(schema: FeatureSchema) -> Score:
            return Model.build(schema, detector, parameters, seed=self.seed).fit(few).anomaly_score

        return compactness_over_subsets(fit, self.rows, self.schema, seed=self.seed)


@dataclass(frozen=True, eq=False)
class Objective:
    """Rows to score, which of them are anomalies, and the criterion.

    Parameters
    ----------
    kinds
        Per row, the number of its kind of anomaly, or -1 where it is none, shape (n,).
    shape
        Counts as one more kind where there are no labels.
    """

    name: str
    rows: pd.DataFrame
    kinds: np.ndarray
    shape: ShapeCriterion | None = None

    def between_detectors(self) -> Objective:
        """Return the objective that compares fitted detectors of different kinds, same rows."""
        return replace(self, name=FAMILY_LOG_AUC) if self.name == FAMILY_ROC_AUC else self

    def evaluate(
        self,
        scores: np.ndarray,
        detector: str,
        parameters: HyperParameters,
        train: pd.DataFrame,
    ) -> list[float]:
        """Return the figures whose mean is the value of a model, `shape` included.

        Parameters
        ----------
        scores
            The model's anomaly scores of `rows`, shape (n,).
        detector, parameters, train
            What the model was fitted from; it is fitted again where `shape` counts.

        Raises
        ------
        DataError
            If a score is not finite.
        """
        figures = self.by_kind(scores)
        if self.shape is not None:
            figures.append(self.shape.value(detector, parameters, train))
        return figures

    def value(self, scores: np.ndarray) -> float:
        """Return the mean of `by_kind`, without `shape`.

        Parameters
        ----------
        scores
            Anomaly scores of `rows`, shape (n,).

        Returns
        -------
        float
            From 0 to 1, higher = better.

        Raises
        ------
        DataError
            If a score is not finite, as those of a network that diverged.
        """
        return float(np.mean(self.by_kind(scores)))

    def by_kind(self, scores: np.ndarray) -> list[float]:
        """Return the criterion of each kind of anomaly against the rows that are none.

        Parameters
        ----------
        scores
            Anomaly scores of `rows`, shape (n,).

        Raises
        ------
        DataError
            If a score is not finite.
        """
        scores = check_scores(scores)
        measure = _MEASURES[self.name]
        ordinary = self.kinds == _ORDINARY
        figures = []
        for kind in range(int(self.kinds.max()) + 1):
            rows = ordinary | (self.kinds == kind)
            figures.append(measure(ranking_curve(~ordinary[rows], scores[rows])))
        return figures

    def average_precision(self, scores: np.ndarray) -> float:
        """Return the average precision over all anomalies, whatever their kind."""
        return average_precision(ranking_curve(self.kinds != _ORDINARY, check_scores(scores)))


def make_objective(validation: pd.DataFrame, schema: FeatureSchema, *, seed: int) -> Objective:
    """Choose the criterion that the validation rows allow.

    Parameters
    ----------
    validation
        Feature frame, with or without labels.
    """
    labels = validation[LABEL] if LABEL in validation else pd.Series(pd.NA, validation.index)
    known = validation[labels.notna()]
    attack = labels.dropna().to_numpy(dtype=bool)
    if attack.any() and not attack.all():
        return _labelled(known, attack, schema)
    synthetic = make_synthetic_anomalies(validation, schema, seed=seed)
    columns = list(schema.columns)
    rows = pd.concat([validation[columns], synthetic[columns]], ignore_index=True)
    ordinary = np.full(len(validation), _ORDINARY)
    kinds = np.append(ordinary, pd.factorize(synthetic[ATTACK])[0])
    varying = varying_columns(validation, schema)
    shape = ShapeCriterion(validation[columns], schema, seed) if varying else None
    return Objective(SYNTHETIC_AND_SHAPE, rows, kinds, shape)


def _labelled(known: pd.DataFrame, attack: np.ndarray, schema: FeatureSchema) -> Objective:
    rows = known[list(schema.columns)]
    if ATTACK not in known or known.loc[attack, ATTACK].isna().all():
        return Objective(AVERAGE_PRECISION, rows, np.where(attack, 0, _ORDINARY))
    kinds = np.full(len(known), _ORDINARY)
    kinds[attack] = _kinds_of(family_names(known[ATTACK], len(known))[attack])
    return Objective(FAMILY_ROC_AUC, rows, kinds)


def _kinds_of(families: np.ndarray) -> np.ndarray:
    """Number the families, the largest first; the rare ones share a number."""
    codes, names = pd.factorize(families)
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    large = min(_MOST_KINDS - 1, int((counts >= _FEWEST_OF_A_KIND).sum()))
    numbers = np.empty(len(names), dtype=np.int64)
    numbers[order] = np.minimum(np.arange(len(names)), large)
    return numbers[codes]

"""The criterion that a search maximises.

``family_roc_auc``
    Where validation holds attacks of named families: the mean over the families of the ROC AUC
    against the benign rows.
``average_precision``
    Where attacks have no names.
``synthetic_anomalies_and_shape``
    Where there is no attack or no label: the mean over the kinds of synthetic anomaly of the
    average precision against the rows, with the shape of the scores as one more kind.

``docs/decisions/0005-search-objective.md`` has the reasons. Where there are labels,
fitted detectors of different kinds are compared by the yardstick instead
(`oddwire.evaluation.yardstick`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.detection.search_space import HyperParameters
from oddwire.evaluation import yardstick
from oddwire.evaluation.families import BENIGN, kinds_of_attack
from oddwire.evaluation.metrics import (
    Curve,
    average_precision,
    check_scores,
    known_labels,
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
AVERAGE_PRECISION = "average_precision"
SYNTHETIC_AND_SHAPE = "synthetic_anomalies_and_shape"
_REFITTED = 600
_MEASURES: Mapping[str, Callable[[Curve], float]] = {
    FAMILY_ROC_AUC: roc_auc,
    AVERAGE_PRECISION: average_precision,
    SYNTHETIC_AND_SHAPE: average_precision,
}


def in_words(criterion: str) -> str:
    """Return a criterion's name in words."""
    return {
        FAMILY_ROC_AUC: "mean ROC AUC over attack families",
        yardstick.NAME: yardstick.WORDS,
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

    @property
    def labelled(self) -> bool:
        """Whether the anomalies are labelled attacks, and not synthetic ones."""
        return self.name != SYNTHETIC_AND_SHAPE

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
        ordinary = self.kinds == BENIGN
        figures = []
        for kind in range(int(self.kinds.max()) + 1):
            rows = ordinary | (self.kinds == kind)
            figures.append(measure(ranking_curve(~ordinary[rows], scores[rows])))
        return figures

    def average_precision(self, scores: np.ndarray) -> float:
        """Return the average precision over all anomalies, whatever their kind."""
        return average_precision(ranking_curve(self.kinds != BENIGN, check_scores(scores)))


def make_objective(validation: pd.DataFrame, schema: FeatureSchema, *, seed: int) -> Objective:
    """Choose the criterion that the validation rows allow.

    Parameters
    ----------
    validation
        Feature frame, with or without labels.
    """
    labels = validation.get(LABEL)
    known, attack = known_labels(labels, len(validation))
    if attack.any() and not attack.all():
        return _labelled(validation[known], attack, schema)
    synthetic = make_synthetic_anomalies(validation, schema, seed=seed)
    columns = list(schema.columns)
    rows = pd.concat([validation[columns], synthetic[columns]], ignore_index=True)
    ordinary = np.full(len(validation), BENIGN)
    kinds = np.append(ordinary, pd.factorize(synthetic[ATTACK])[0])
    varying = varying_columns(validation, schema)
    shape = ShapeCriterion(validation[columns], schema, seed) if varying else None
    return Objective(SYNTHETIC_AND_SHAPE, rows, kinds, shape)


def _labelled(known: pd.DataFrame, attack: np.ndarray, schema: FeatureSchema) -> Objective:
    rows = known[list(schema.columns)]
    named = ATTACK in known and known.loc[attack, ATTACK].notna().any()
    _, kinds = kinds_of_attack(attack, known[ATTACK] if named else None, len(known))
    return Objective(FAMILY_ROC_AUC if named else AVERAGE_PRECISION, rows, kinds)

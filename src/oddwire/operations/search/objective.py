"""What a search maximises, and a training: the one place that says which is the better one.

``family_roc_auc`` where validation holds attacks of named families: the mean over the families of
the ROC AUC against the benign rows. ``average_precision`` where attacks have no names.
``synthetic_anomalies_and_shape`` where there is no attack or no label: the same figure against injected synthetic anomalies,
and the shape of the scores as one more kind of synthetic anomaly. Why so stands in
``docs/decisions/0005-search-objective.md``.

Between detectors of different kinds it is ``family_log_auc`` in the place of ``family_roc_auc``:
see ``docs/decisions/0012-the-best-of-a-training.md``.
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
from oddwire.evaluation.without_labels.score_shape import Score, shape_over_subsets, varying_columns
from oddwire.evaluation.without_labels.synthetic_anomalies import make_synthetic_anomalies
from oddwire.traffic.schema import ATTACK, LABEL, FeatureSchema

FAMILY_ROC_AUC = "family_roc_auc"
FAMILY_LOG_AUC = "family_log_auc"
AVERAGE_PRECISION = "average_precision"
SYNTHETIC_AND_SHAPE = "synthetic_anomalies_and_shape"
_ORDINARY = -1
_FEWEST_OF_A_KIND = 10  # rarer families are one kind together: of a single row, the vote is luck
_MOST_KINDS = 30
# As in benchmarks/label_free.py, whose figures the criterion rests on.
_REFITTED, _SUBSETS, _DRAWS = 600, 5, 3000
_LOG_AUC_FLOOR = 0.003  # below a usual budget of false alarms: a tie is rarer there
_MEASURES: Mapping[str, Callable[[Curve], float]] = {
    FAMILY_ROC_AUC: roc_auc,
    FAMILY_LOG_AUC: partial(log_auc, floor=_LOG_AUC_FLOOR),
    AVERAGE_PRECISION: average_precision,
    SYNTHETIC_AND_SHAPE: average_precision,
}


def in_words(criterion: str) -> str:
    """Return a criterion as people read it."""
    return {
        FAMILY_ROC_AUC: "mean ROC AUC over attack families",
        FAMILY_LOG_AUC: "mean log AUC over attack families, from 0.3 % false alarms on",
        AVERAGE_PRECISION: "average precision",
        SYNTHETIC_AND_SHAPE: "synthetic anomalies and shape of the scores",
    }.get(criterion, criterion)


@dataclass(frozen=True, eq=False)
class ShapeCriterion:
    """The shape of a detector's scores over few columns at a time, which needs no label.

    Parameters
    ----------
    rows
        Validation rows.
    schema
        Their feature columns.
    seed
        Chooses columns and rows.
    """

    rows: pd.DataFrame
    schema: FeatureSchema
    seed: int

    def value(self, detector: str, parameters: HyperParameters, train: pd.DataFrame) -> float:
        """Return the mean `Shape.compactness` of a detector, fitted anew to each set of columns.

        Parameters
        ----------
        detector, parameters
            What to fit.
        train
            Rows to fit on; few of them are drawn.
        """
        few = train.sample(min(len(train), _REFITTED), random_state=self.seed)

        def fit(schema: FeatureSchema) -> Score:
            return Model.build(schema, detector, parameters, seed=self.seed).fit(few).anomaly_score

        return shape_over_subsets(
            fit, self.rows, self.schema, seed=self.seed, subsets=_SUBSETS, draws=_DRAWS
        ).compactness


@dataclass(frozen=True, eq=False)
class Objective:
    """Rows to score, which of them are odd, and the criterion.

    Parameters
    ----------
    name
        The criterion.
    rows
        Feature frame of the rows to score.
    kinds
        Per row, -1 for an ordinary one, otherwise the number of its kind of oddity, shape (n,).
    shape
        What counts beside the rows where there are no labels.
    """

    name: str
    rows: pd.DataFrame
    kinds: np.ndarray
    shape: ShapeCriterion | None = None

    def between_detectors(self) -> Objective:
        """Return what finished detectors of different kinds are compared by, on the same rows."""
        return replace(self, name=FAMILY_LOG_AUC) if self.name == FAMILY_ROC_AUC else self

    def judge(
        self,
        scores: np.ndarray,
        detector: str,
        parameters: HyperParameters,
        train: pd.DataFrame,
    ) -> list[float]:
        """Return the figures whose mean is what a model is worth.

        Parameters
        ----------
        scores
            Its anomaly scores of `rows`, shape (n,).
        detector, parameters, train
            What it was made of, to be fitted again where `shape` counts.

        Raises
        ------
        DataError
            If a score is not finite.
        """
        found = self.by_kind(scores)
        if self.shape is not None:
            found.append(self.shape.value(detector, parameters, train))
        return found

    def value(self, scores: np.ndarray) -> float:
        """Return the mean over the kinds of how well a kind is told from the ordinary rows.

        Parameters
        ----------
        scores
            Anomaly scores of `rows`, shape (n,).

        Returns
        -------
        float
            From 0 to 1, higher is better.

        Raises
        ------
        DataError
            If a score is not finite, as those of a network that diverged.
        """
        return float(np.mean(self.by_kind(scores)))

    def by_kind(self, scores: np.ndarray) -> list[float]:
        """Return how well each kind is told from the ordinary rows, in the order of the kinds.

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
        found = []
        for kind in range(int(self.kinds.max()) + 1):
            asked = ordinary | (self.kinds == kind)
            found.append(measure(ranking_curve(~ordinary[asked], scores[asked])))
        return found

    def average_precision(self, scores: np.ndarray) -> float:
        """Return the average precision of all that is odd, whatever its kind."""
        return average_precision(ranking_curve(self.kinds != _ORDINARY, check_scores(scores)))


def make_objective(validation: pd.DataFrame, schema: FeatureSchema, *, seed: int) -> Objective:
    """Choose the criterion that the validation rows allow.

    Parameters
    ----------
    validation
        Feature frame, with or without labels.
    schema
        Its feature columns.
    seed
        Seeds the synthetic anomalies.
    """
    labels = validation[LABEL] if LABEL in validation else pd.Series(pd.NA, validation.index)
    known = validation[labels.notna()]
    attack = labels.dropna().to_numpy(dtype=bool)
    if attack.any() and not attack.all():
        return _labelled(known, attack, schema)
    synthetic_anomalies = make_synthetic_anomalies(validation, schema, seed=seed)
    columns = list(schema.columns)
    rows = pd.concat([validation[columns], synthetic_anomalies[columns]], ignore_index=True)
    ordinary = np.full(len(validation), _ORDINARY)
    kinds = np.append(ordinary, pd.factorize(synthetic_anomalies[ATTACK])[0])
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

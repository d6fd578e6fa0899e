"""The criterion that a search maximises.

``family_roc_auc``
    Where validation holds attacks of named families: the mean over the families of the ROC AUC
    against the benign rows.
``average_precision``
    Where attacks have no names.
Where there are fewer than ten labelled attacks there is none: nothing is searched, and detectors
are chosen by an order (`oddwire.evaluation.without_labels.preference`).

``docs/decisions/0005-search-objective.md`` has the reasons. Where there are labels,
fitted detectors of different kinds are compared by the yardstick instead
(`oddwire.evaluation.yardstick`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from oddwire.evaluation import yardstick
from oddwire.evaluation.families import BENIGN, FEWEST_OF_A_KIND, kinds_of_attack
from oddwire.evaluation.metrics import (
    Curve,
    average_precision,
    check_scores,
    known_labels,
    ranking_curve,
    roc_auc,
)
from oddwire.traffic.schema import ATTACK, LABEL, FeatureSchema

FAMILY_ROC_AUC = "family_roc_auc"
AVERAGE_PRECISION = "average_precision"
_MEASURES: Mapping[str, Callable[[Curve], float]] = {
    FAMILY_ROC_AUC: roc_auc,
    AVERAGE_PRECISION: average_precision,
}


def in_words(criterion: str) -> str:
    """Return a criterion's name in words."""
    return {
        FAMILY_ROC_AUC: "mean family ROC AUC",
        yardstick.NAME: yardstick.WORDS,
        AVERAGE_PRECISION: "average precision",
    }.get(criterion, criterion)


@dataclass(frozen=True, eq=False)
class Objective:
    """Rows to score, which of them are anomalies, and the criterion.

    Parameters
    ----------
    kinds
        Per row, the number of its kind of anomaly, or -1 where it is none, shape (n,).
    """

    name: str
    rows: pd.DataFrame
    kinds: np.ndarray

    def value(self, scores: np.ndarray) -> float:
        """Return the mean of `by_kind`.

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


def make_objective(validation: pd.DataFrame, schema: FeatureSchema) -> Objective | None:
    """Choose the criterion that the validation rows allow; None where they allow none.

    Parameters
    ----------
    validation
        Feature frame, with or without labels.
    """
    known, attack = known_labels(validation.get(LABEL), len(validation))
    if not can_measure(int(attack.sum()), int((~attack).sum())):
        return None
    rows = validation[known]
    named = ATTACK in rows and rows.loc[attack, ATTACK].notna().any()
    _, kinds = kinds_of_attack(attack, rows[ATTACK] if named else None, len(rows))
    name = FAMILY_ROC_AUC if named else AVERAGE_PRECISION
    return Objective(name, rows[list(schema.columns)], kinds)


def can_measure(attacks: int, benign: int) -> bool:
    """Whether so many labelled rows can tell which detector or hyperparameters are better."""
    return attacks >= FEWEST_OF_A_KIND and benign > 0

"""What a search maximises: the one place that says which detector is the better one.

``family_roc_auc`` where validation holds attacks of named families: the mean over the families of
the ROC AUC against the benign rows. ``average_precision`` where attacks have no names.
``drill_average_precision`` where there is no attack or no label: the same figure against injected
drills. Why so stands in ``docs/decisions/0005-search-objective.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from oddwire.evaluation.drills import make_drills
from oddwire.evaluation.families import family_names
from oddwire.evaluation.metrics import average_precision, check_scores, ranking_curve, roc_auc
from oddwire.traffic.schema import ATTACK, LABEL, FeatureSchema

FAMILY_ROC_AUC = "family_roc_auc"
AVERAGE_PRECISION = "average_precision"
DRILL_AVERAGE_PRECISION = "drill_average_precision"
_ORDINARY = -1


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
    """

    name: str
    rows: pd.DataFrame
    kinds: np.ndarray

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
        measure = roc_auc if self.name == FAMILY_ROC_AUC else average_precision
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
        Seeds the drills.
    """
    labels = validation[LABEL] if LABEL in validation else pd.Series(pd.NA, validation.index)
    known = validation[labels.notna()]
    attack = labels.dropna().to_numpy(dtype=bool)
    if attack.any() and not attack.all():
        return _labelled(known, attack, schema)
    drills = make_drills(validation, schema, seed=seed)
    columns = list(schema.columns)
    rows = pd.concat([validation[columns], drills[columns]], ignore_index=True)
    ordinary = np.full(len(validation), _ORDINARY)
    kinds = np.append(ordinary, pd.factorize(drills[ATTACK])[0])
    return Objective(DRILL_AVERAGE_PRECISION, rows, kinds)


def _labelled(known: pd.DataFrame, attack: np.ndarray, schema: FeatureSchema) -> Objective:
    rows = known[list(schema.columns)]
    if ATTACK not in known or known.loc[attack, ATTACK].isna().all():
        return Objective(AVERAGE_PRECISION, rows, np.where(attack, 0, _ORDINARY))
    kinds = np.full(len(known), _ORDINARY)
    kinds[attack] = pd.factorize(family_names(known[ATTACK], len(known))[attack])[0]
    return Objective(FAMILY_ROC_AUC, rows, kinds)

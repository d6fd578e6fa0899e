"""What a search maximises: average precision, on labels where there are attacks, on drills else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from oddwire.evaluation.drills import make_drills
from oddwire.evaluation.metrics import average_precision, ranking_curve
from oddwire.traffic.schema import ATTACK, LABEL, FeatureSchema

_ORDINARY = -1


@dataclass(frozen=True, eq=False)
class Objective:
    """Rows to score, which of them are odd, and the name of the criterion.

    Parameters
    ----------
    name
        ``average_precision`` where validation holds labelled attacks; otherwise
        ``drill_average_precision``, which needs no label.
    rows
        Feature frame of the rows to score.
    kinds
        Per row, -1 for an ordinary one, otherwise the number of its kind of oddity, shape (n,).
    """

    name: str
    rows: pd.DataFrame
    kinds: np.ndarray

    def value(self, scores: np.ndarray) -> float:
        """Return the mean, over the kinds, of a kind's average precision against ordinary rows.

        Parameters
        ----------
        scores
            Anomaly scores of `rows`, shape (n,).

        Returns
        -------
        float
            From 0 to 1, higher is better.
        """
        ordinary = self.kinds == _ORDINARY
        found = []
        for kind in range(int(self.kinds.max()) + 1):
            asked = ordinary | (self.kinds == kind)
            found.append(average_precision(ranking_curve(~ordinary[asked], scores[asked])))
        return float(np.mean(found))


def make_objective(validation: pd.DataFrame, schema: FeatureSchema, *, seed: int) -> Objective:
    """Choose the criterion that the validation rows allow.

    Drills rather than excess-mass or mass-volume curves: those depend on the scale of the scores
    and on volumes in the transformed space, so they cannot compare two preprocessings, which is
    just what a search has to do.

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
    columns = list(schema.columns)
    known = validation[labels.notna()]
    attack = labels.dropna().to_numpy(dtype=bool)
    if attack.any() and not attack.all():
        return Objective("average_precision", known[columns], np.where(attack, 0, _ORDINARY))
    drills = make_drills(validation, schema, seed=seed)
    rows = pd.concat([validation[columns], drills[columns]], ignore_index=True)
    numbers = pd.factorize(drills[ATTACK])[0]
    return Objective(
        "drill_average_precision", rows, np.append(np.full(len(validation), _ORDINARY), numbers)
    )

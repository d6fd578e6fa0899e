"""What a search maximises: average precision, on labels where there are attacks, on drills else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from oddwire.evaluation.drills import make_drills
from oddwire.traffic.schema import LABEL, FeatureSchema

MatrixScore = Callable[[pd.DataFrame], np.ndarray]


@dataclass(frozen=True)
class Objective:
    """Validation rows, each known or made to be odd or not, and the name of the criterion.

    Parameters
    ----------
    name
        ``average_precision`` where validation holds labelled attacks; otherwise
        ``drill_average_precision``, the same figure against injected drills, which needs no label.
    rows
        Feature frame of the rows to score.
    odd
        Truth per row, shape (n,), bool.
    """

    name: str
    rows: pd.DataFrame
    odd: np.ndarray

    def value(self, scores: np.ndarray) -> float:
        """Return the criterion for anomaly scores of `rows`, from 0 to 1, higher is better."""
        return float(average_precision_score(self.odd, scores))


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
    known = validation
    if LABEL in validation and validation[LABEL].notna().any():
        known = validation[validation[LABEL].notna()]
        odd = known[LABEL].to_numpy(dtype=bool)
        if odd.any() and not odd.all():
            return Objective("average_precision", known, odd)
        known = known[~odd] if not odd.all() else validation
    drills = make_drills(known, schema, seed=seed)
    rows = pd.concat([known[list(schema.columns)], drills], ignore_index=True)
    odd = np.repeat([False, True], [len(known), len(drills)])
    return Objective("drill_average_precision", rows, odd)

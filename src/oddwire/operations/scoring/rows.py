"""The one way rows are scored, whether by file or by drift check."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from oddwire.detection.model import Model
from oddwire.detection.preprocessing.data_issues import DataIssues, count_data_issues


@dataclass(frozen=True, eq=False)
class RowScores:
    """The scores of rows.

    Parameters
    ----------
    scores
        What `Model.score` returned, in the order of the rows.
    issues
        Missing, infinite and unseen values among them.
    """

    scores: pd.DataFrame
    issues: DataIssues

    @property
    def alerts(self) -> int:
        """How many rows raise an alert."""
        return int(self.scores["alert"].sum())


def score_rows(model: Model, features: pd.DataFrame) -> RowScores:
    """Score a feature frame with a calibrated model.

    Raises
    ------
    DataError, ModelError
        As by `Model.score`.
    """
    return RowScores(model.score(features), count_data_issues(model.preprocessing, features))

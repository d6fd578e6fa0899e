"""The one way rows are scored, whether by file or by drift check."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.detection.model import Model
from oddwire.detection.preprocessing.data_issues import DataIssues, count_data_issues
from oddwire.operations.scoring.unusual import Identified, MostUnusual

# What is held of each row until a file is written: 17 bytes. An alert follows from its p-value.
_HELD = {"anomaly_score": np.float64, "p_value": np.float64, "extrapolated": np.bool_}


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


class Scorer:
    """Scores rows batch by batch, and counts.

    Parameters
    ----------
    model
        A calibrated one.
    explained
        How many alerts will be explained.
    """

    def __init__(self, model: Model, *, explained: int) -> None:
        self._model = model
        self.unusual = MostUnusual(explained)
        self.rows = self.alerts = self.missing = self.infinite = self.unseen = 0
        self.seconds = 0.0

    def score(
        self, features: pd.DataFrame, places: NDArray[np.int64], identified: Identified
    ) -> pd.DataFrame:
        """Return what `Model.score` returns for more rows.

        Parameters
        ----------
        features
            Their feature frame.
        places, identified
            As of `MostUnusual.add`.
        """
        begun = time.perf_counter()
        scored = score_rows(self._model, features)
        self.seconds += time.perf_counter() - begun
        self.rows += len(features)
        self.alerts += scored.alerts
        self.missing += sum(scored.issues.missing.values())
        self.infinite += sum(scored.issues.infinite.values())
        self.unseen += sum(scored.issues.unseen.values())
        self.unusual.add(scored.scores, places, features, identified)
        return scored.scores


class ScoreColumns:
    """The scores of all rows of a file by their places, and columns that need all of them."""

    def __init__(self, alert_p_value: float) -> None:
        self._alert_p_value = alert_p_value
        self._places: list[NDArray[np.int64]] = []
        self._parts: dict[str, list[NDArray[Any]]] = {name: [] for name in _HELD}
        self._columns: dict[str, NDArray[Any]] = {}

    def add(self, scores: pd.DataFrame, places: NDArray[np.int64]) -> None:
        """Keep the scores of rows at some places of the file."""
        self._places.append(places)
        for name, parts in self._parts.items():
            parts.append(scores[name].to_numpy())

    def join(self) -> None:
        """Put them in the order of the file, once all are there."""
        rows = sum(map(len, self._places))
        for name, dtype in _HELD.items():
            column: NDArray[Any] = np.empty(rows, dtype=dtype)
            for places, part in zip(self._places, self._parts.pop(name), strict=True):
                column[places] = part
            self._columns[name] = column
        self._places = []

    def of(self, name: str) -> NDArray[Any]:
        """Return one column."""
        return self._columns[name]

    def put(self, name: str, column: NDArray[Any]) -> None:
        """Put a column at the end."""
        self._columns[name] = column

    def frame(self, places: NDArray[np.int64]) -> pd.DataFrame:
        """Return all columns of some rows, the alert among them."""
        columns = {name: column[places] for name, column in self._columns.items()}
        held = {name: columns.pop(name) for name in _HELD}
        return pd.DataFrame(held | {"alert": held["p_value"] <= self._alert_p_value} | columns)

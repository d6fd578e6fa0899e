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
from oddwire.operations.scoring.carried import Carried
from oddwire.operations.scoring.unusual import Identified, MostUnusual
from oddwire.traffic.features.clock import MICROSECONDS
from oddwire.traffic.units.so_far import UNTIMED

# A day in the clock of the rows.
_DAY = 86_400 * MICROSECONDS
# The columns of a scored file until it is written; an alert follows from its p-value.
_ORDER = ("anomaly_score", "p_value", "extrapolated", "alert", "unit_p_value")


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
    """Scores the rows of a file or a day batch by batch, and counts.

    Parameters
    ----------
    model
        A calibrated one.
    carried
        What is known of the rows before them.
    explained
        How many alerts will be explained.
    """

    def __init__(self, model: Model, carried: Carried, *, explained: int) -> None:
        self._model, self._carried = model, carried
        self._threshold = model.threshold
        self.unusual = MostUnusual(explained)
        self.rows = self.alerts = self.missing = self.infinite = self.unseen = 0
        self.alerting_units = self.adaptive_alerts = 0
        self._incidents_before = carried.incidents.count
        self._adaptive_incidents_before = carried.adaptive_incidents.count
        self._first = self._last = UNTIMED
        self.seconds = 0.0

    def score(
        self, features: pd.DataFrame, places: NDArray[np.int64], identified: Identified
    ) -> pd.DataFrame:
        """Return what `Model.score` returns for more rows, and what `Carried.add` adds.

        Parameters
        ----------
        features
            Their feature frame.
        places, identified
            As of `MostUnusual.add`.
        """
        begun = time.perf_counter()
        scored = score_rows(self._model, features)
        so_far = self._carried.add(features, scored.scores)
        self.seconds += time.perf_counter() - begun
        self.rows += len(features)
        self.alerts += scored.alerts
        alerting = scored.scores["alert"].to_numpy() & (so_far.before < self._threshold)
        self.alerting_units += int(alerting.sum())
        if "adaptive_alert" in scored.scores:
            self.adaptive_alerts += int(scored.scores["adaptive_alert"].sum())
        self._see(so_far.clock)
        self.missing += sum(scored.issues.missing.values())
        self.infinite += sum(scored.issues.infinite.values())
        self.unseen += sum(scored.issues.unseen.values())
        self.unusual.add(scored.scores, places, features, identified)
        return scored.scores

    def _see(self, clock: NDArray[np.int64]) -> None:
        timed = clock[clock != UNTIMED]
        if len(timed):
            self._first = int(timed[0]) if self._first == UNTIMED else self._first
            self._last = int(timed[-1])

    @property
    def counts(self) -> dict[str, Any]:
        """What was counted, by the names that `ScoredFile` and `Noted` have for it."""
        return {
            "rows": self.rows, "alerts": self.alerts, "alerting_units": self.alerting_units,
            "incidents": self._carried.incidents.count - self._incidents_before,
            "days": (self._last - self._first) / _DAY, "missing": self.missing,
            "infinite": self.infinite, "unseen": self.unseen, **self._adaptive_counts,
        }  # fmt: skip

    @property
    def _adaptive_counts(self) -> dict[str, int]:
        if not self._carried.is_adaptive:
            return {}
        incidents = self._carried.adaptive_incidents.count - self._adaptive_incidents_before
        return {"adaptive_alerts": self.adaptive_alerts, "adaptive_incidents": incidents}


class ScoreColumns:
    """The scores of all rows of a file by their places, and columns that need all of them."""

    def __init__(self, alert_p_value: float) -> None:
        self._alert_p_value = alert_p_value
        self._places: list[NDArray[np.int64]] = []
        self._parts: dict[str, list[NDArray[Any]]] = {}
        self._columns: dict[str, NDArray[Any]] = {}

    def add(self, scores: pd.DataFrame, places: NDArray[np.int64]) -> None:
        """Keep the scores of rows at some places of the file."""
        self._places.append(places)
        for name in scores.columns.drop("alert"):
            self._parts.setdefault(name, []).append(scores[name].to_numpy())

    def join(self) -> None:
        """Put them in the order of the file, once all are there."""
        rows = sum(map(len, self._places))
        for name in list(self._parts):
            parts = self._parts.pop(name)
            column: NDArray[Any] = np.empty(rows, dtype=parts[0].dtype)
            for places, part in zip(self._places, parts, strict=True):
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
        columns["alert"] = columns["p_value"] <= self._alert_p_value
        first = {name: columns.pop(name) for name in _ORDER}
        return pd.DataFrame(first | columns)

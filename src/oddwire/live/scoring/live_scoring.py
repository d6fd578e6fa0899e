"""Connections scored as they come: the scores that the batch gives them, to the last bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.detection.model import Model
from oddwire.errors import ModelError
from oddwire.live.scoring.kept_rows import PastRows
from oddwire.operations.scoring.carried import Carried
from oddwire.traffic.features.clock import MICROSECONDS
from oddwire.traffic.features.connection_features import LONGEST_WINDOW, check_features
from oddwire.traffic.features.rolling.rolling_features import RollingFeatures
from oddwire.traffic.schema import END, microseconds_of
from oddwire.traffic.units.so_far import UNTIMED, WorstSoFar

_LATE = LONGEST_WINDOW * MICROSECONDS  # µs
_VERSION, _ADAPTIVE = "model_version", "adaptive"


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """The rows of a micro-batch, scored.

    Parameters
    ----------
    features
        Their feature frame, n rows.
    scores
        What `Model.score` returned, and what `Carried.add` added; where the threshold follows
        drift, ``alert`` is by that threshold.
    unit_p_values
        Of each row's own score, as `raise_alerts` takes them, shape (n,).
    so_far
        What the units had come to, and when each row was known.
    late
        How many of them ended more than the longest time window before they were known.
    """

    features: pd.DataFrame
    scores: pd.DataFrame
    unit_p_values: NDArray[np.float64]
    so_far: WorstSoFar
    late: int


class LiveScoring:
    """Scores rows in the order in which they are known, and knows what went before them.

    Parameters
    ----------
    model
        A calibrated one, of connections.
    version
        Its number in the registry.
    adaptive
        Whether alerts are by a threshold that follows drift.
    most_rows
        How many connections the time windows hold at most; the default of `RollingFeatures` if
        left out.

    Raises
    ------
    ParameterError
        If the model's threshold is none that can follow drift.
    """

    def __init__(
        self, model: Model, version: str, *, adaptive: bool, most_rows: int | None = None
    ) -> None:
        self.model, self.version, self._is_adaptive = model, version, adaptive
        self._features = (
            RollingFeatures(model.schema)
            if most_rows is None
            else RollingFeatures(model.schema, most_rows=most_rows)
        )
        self._carried = Carried(model, adaptive=adaptive)

    @property
    def dropped(self) -> int:
        """How many connections left the time windows before their time, for want of room."""
        return self._features.dropped

    @property
    def newest(self) -> int:
        """When the newest row was known, as of `UnitsSoFar`."""
        return self._carried.newest

    def score(self, rows: pd.DataFrame) -> ScoredRows:
        """Score the next rows, n ≥ 1."""
        features = self._features.of(rows)
        scores = self.model.score(features)
        so_far = self._carried.add(features, scores)
        if self._is_adaptive:
            scores["alert"] = scores["adaptive_alert"]
        if self.model.unit_calibration is None:
            raise ModelError("the model must be calibrated before it gives p-values")
        own = self.model.unit_calibration.p_values(scores["anomaly_score"].to_numpy())[0]
        return ScoredRows(features, scores, own, so_far, self._late(rows))

    def _late(self, rows: pd.DataFrame) -> int:
        ends = microseconds_of(rows[END])
        late = (ends < self._features.clocks - _LATE) & (ends != UNTIMED)
        return int(late.sum())

    def remember(self, batches: Iterable[pd.DataFrame]) -> PastRows | None:
        """Look at connections before the first row, the oldest first, without scoring them.

        Returns
        -------
        Those that the time windows still hold, to be kept with the first rows; None without any.
        """
        near: list[PastRows] = []
        for rows in batches:
            if not len(rows):
                continue
            self._features.see(rows)
            clocks = self._features.clocks
            near = [each for each in near if each.clock[-1] > clocks[-1] - _LATE]
            held = clocks > clocks[-1] - _LATE
            near.append(PastRows.unscored(rows[held], clocks[held]))
        return PastRows.joined(near) if near else None

    def take_up(self, model: Model, version: str) -> None:
        """Score the rows that follow with another model.

        The scores of the current unit's earlier rows are of the former one and do not count.

        Raises
        ------
        ModelError, ParameterError
            If it cannot score these rows: then the former goes on.
        """
        check_features(model.schema)
        self._carried = Carried(model, adaptive=self._is_adaptive)
        self.model, self.version = model, version

    def past(self, rows: pd.DataFrame, scored: ScoredRows, alerts: list[Any]) -> PastRows:
        """Return what must be kept of rows just scored, for `go_on`."""
        return PastRows(rows, scored.scores, self._features.clocks, alerts)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that it knows, but for the rows in the time windows, as arrays by name."""
        arrays = self._features.to_arrays() | self._carried.to_arrays()
        return arrays | {_VERSION: np.array(self.version)}

    def go_on(self, arrays: Mapping[str, NDArray[Any]], before: Iterable[PastRows]) -> bool:
        """Go on from what `to_arrays` returned.

        Parameters
        ----------
        before
            Rows that were scored before that, in order, as far as time windows hold them.

        Returns
        -------
        Whether this very model scored them, with such a threshold: where not, units begin anew.

        Raises
        ------
        KeyError, ValueError, IndexError, ModelError
            If an array is missing or does not fit.
        """
        self._features.go_on(arrays)
        for past in before:
            self._features.see_again(past.rows, past.clock)
        is_same = str(arrays[_VERSION]) == self.version
        if is_same := is_same and (_ADAPTIVE in arrays) == self._is_adaptive:
            self._carried.go_on(arrays)
        return is_same

    def see(self, past: PastRows, *, is_same_model: bool) -> WorstSoFar | None:
        """Go on over rows that were scored; return what their units had come to, if by this model.

        Those of another model say nothing of this one's.
        """
        self._features.see(past.rows)
        return self._carried.add(past.rows, past.scores.copy()) if is_same_model else None

"""What scoring carries from row to row beside what features look back on.

That is the worst scores of the current ten minutes, which sources raised an alert in them, and the
level of a threshold that follows drift: little, so that it can be kept behind every part of a
folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.detection.calibration.adaptive import AdaptiveThreshold
from oddwire.detection.calibration.units import UnitCalibration
from oddwire.detection.model import Model
from oddwire.errors import DataError, ModelError
from oddwire.evaluation.observed import INCIDENTS, target_of
from oddwire.operations.progress import step
from oddwire.operations.registry.versions import Registry, Version
from oddwire.operations.tracking.store import Tracking
from oddwire.project import Project
from oddwire.traffic.features.in_batches import UNREADABLE, RowsWithOverlap
from oddwire.traffic.schema import UNIT
from oddwire.traffic.units import minutes_in_microseconds
from oddwire.traffic.units.incidents_so_far import IncidentsSoFar
from oddwire.traffic.units.so_far import UnitsSoFar, WorstSoFar
from oddwire.traffic.wire_text import printable, shown_path

_SHOWN = 80


class Carried:
    """Computes what depends on earlier rows, for rows in the order in which they are known.

    However the rows are cut into batches, the outcome is the same to the last bit.

    Parameters
    ----------
    model
        A calibrated one.
    adaptive
        Whether a threshold that follows drift is asked for.
    behind
        Files that `save` may have written. Where the first row is known no earlier than all rows
        before one of them, the rows are taken as those that follow; the first such file counts.

    Raises
    ------
    ParameterError
        If the model's threshold is none that can follow drift.
    """

    def __init__(self, model: Model, *, adaptive: bool, behind: Sequence[Path] = ()) -> None:
        self._model, self._behind = model, behind
        self._calibration = _calibrated(model)
        self._minutes = self._calibration.minutes
        self._units = UnitsSoFar(self._minutes)
        self.incidents = IncidentsSoFar(self._minutes)
        self.adaptive_incidents = IncidentsSoFar(self._minutes)
        self._adaptive = _adaptive(model, self._calibration) if adaptive else None

    @property
    def is_adaptive(self) -> bool:
        """Whether a threshold follows drift."""
        return self._adaptive is not None

    @property
    def newest(self) -> int:
        """When the newest row was known, as of `UnitsSoFar`."""
        return self._units.newest

    @property
    def in_time_order(self) -> bool:
        """Whether rows must come in the order in which they were known."""
        return self._adaptive is not None or self._calibration.kind == "source and time"

    def add(self, features: pd.DataFrame, scores: pd.DataFrame) -> WorstSoFar:
        """Take the next rows, and add to their scores the columns that follow from the rows before.

        Parameters
        ----------
        features
            The feature frame of n rows.
        scores
            What `Model.score` returned of them; gets the column ``unit_p_value``, and with a
            threshold that follows drift ``adaptive_threshold`` and ``adaptive_alert``.
        """
        if self._behind and len(features):
            self._go_on(self._behind, features)
        values = scores["anomaly_score"].to_numpy()
        so_far = self._units.update(features, values)
        scores["unit_p_value"] = self._calibration.p_values(so_far.worst)[0]
        self.incidents.update(features, scores["alert"].to_numpy(), so_far.clock)
        if self._adaptive is not None:
            alerts, thresholds = self._adaptive.update(so_far, values)
            scores["adaptive_threshold"], scores["adaptive_alert"] = thresholds, alerts
            self.adaptive_incidents.update(features, alerts, so_far.clock)
        return so_far

    def _go_on(self, behind: Sequence[Path], features: pd.DataFrame) -> None:
        self._behind = ()
        begin = UnitsSoFar(self._minutes).skip(features.head(1))[0]
        for file in behind:
            earlier = Carried(self._model, adaptive=self.is_adaptive).load(file)
            if begin >= earlier.newest:
                self.__dict__ |= vars(earlier)
                return

    def catch_up(self, batches: Iterable[RowsWithOverlap]) -> None:
        """Take rows that were scored before, from the first one on.

        Without a threshold that follows drift those of the last minutes alone are scored again.
        """
        reach = 2 * minutes_in_microseconds(self._minutes)
        pending: list[RowsWithOverlap] = []
        for taken in batches:
            if self._adaptive is not None or taken.clocks is None:
                self._score(taken)
                continue
            pending.append(taken)
            # As far back as a source may have raised an alert of the same incident.
            while _last_clock(pending[0]) <= _last_clock(taken) - reach:
                over = pending.pop(0)
                self._units.skip(over.rows.iloc[over.overlap :])
        for taken in pending:
            self._score(taken)

    def _score(self, taken: RowsWithOverlap) -> None:
        features = taken.features()
        self.add(features, self._model.score(features))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the whole state as arrays by name, for `numpy.savez`."""
        arrays = self._units.to_arrays() | self.incidents.to_arrays("incidents")
        arrays |= self.adaptive_incidents.to_arrays("adaptive_incidents")
        if self._adaptive is not None:
            arrays["adaptive"] = np.array(json.dumps(self._adaptive.to_dict()))
        return arrays

    def go_on(self, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Go on from what `to_arrays` returned.

        Raises
        ------
        KeyError, ValueError, IndexError, ModelError
            If an array is missing or does not fit.
        """
        minutes = self._minutes
        self._units = UnitsSoFar.from_arrays(arrays, minutes)
        self.incidents = IncidentsSoFar.from_arrays(arrays, "incidents", minutes)
        self.adaptive_incidents = IncidentsSoFar.from_arrays(arrays, "adaptive_incidents", minutes)
        if self._adaptive is not None:
            self._adaptive.go_on(json.loads(str(arrays["adaptive"])))
        return self

    def save(self, file: Path) -> None:
        """Write the whole state to a file."""
        with file.open("wb") as opened:
            np.savez_compressed(opened, allow_pickle=False, **self.to_arrays())

    def load(self, file: Path) -> Self:
        """Go on from what `save` wrote.

        Raises
        ------
        DataError
            If it is damaged.
        """
        self._behind = ()
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
                return self.go_on(kept)
        except (*UNREADABLE, ModelError) as error:
            raise DataError(
                f"{shown_path(file)} is damaged ({printable(str(error), _SHOWN)}): remove it, and "
                "the rows before are scored once more"
            ) from None


def open_registry(project: Project) -> Registry:
    """Return the registry of a project, whose server answers.

    Raises
    ------
    ServiceError
        If it does not.
    """
    with step("find the champion"):
        return Registry.of(Tracking.connect(project), project)


def load_champion(registry: Registry, source: str, unit: Sequence[str]) -> tuple[Version, Model]:
    """Return a source's champion, whose units must be those that its rows are counted in.

    Parameters
    ----------
    unit
        The columns that name whom the alerts of the rows are counted with.

    Raises
    ------
    ModelError
        If it counts alerts by others: what it promises would not hold of these units.
    NoModelError
        If the source has no champion.
    """
    version, model = registry.load_champion(source)
    if not counts_by(model, unit):
        before = _named(model.metadata[UNIT])
        raise ModelError(
            f"version {version.number} of {version.source} counts alerts by {before}, and the "
            f"source's `unit` is {_named(unit)} by now: train again, or set it back"
        )
    return version, model


def counts_by(model: Model, unit: Sequence[str]) -> bool:
    """Return whether a model was calibrated in units that these columns name."""
    return list(model.metadata.get(UNIT, unit)) == list(unit)


def _named(columns: Sequence[str]) -> str:
    return ", ".join(printable(name, _SHOWN) for name in columns) or "single rows"


def _calibrated(model: Model) -> UnitCalibration:
    if model.unit_calibration is None:
        raise ModelError("the model must be calibrated before it gives p-values")
    return model.unit_calibration


def _adaptive(model: Model, units: UnitCalibration) -> AdaptiveThreshold:
    per_day = INCIDENTS in target_of(model.threshold_rule)
    return AdaptiveThreshold(units, model.threshold, per_day=per_day)


def _last_clock(taken: RowsWithOverlap) -> int:
    clocks: NDArray[np.int64] | None = taken.clocks
    return 0 if clocks is None or not len(clocks) else int(clocks[-1])

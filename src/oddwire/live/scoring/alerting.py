"""Scored rows → alerts, suppressed or not, and the incidents that they open, change and close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.detection.model import Model
from oddwire.live.alerts.alert import Alert, MadeBy
from oddwire.live.alerts.allow_entry import AllowEntry, apply_allow_list
from oddwire.live.alerts.incidents import Grouped, OpenIncidents
from oddwire.live.alerts.raising import raise_alerts
from oddwire.live.scoring.explained import ExplainedAlerts
from oddwire.live.scoring.kept_rows import PastRows, plain_array, plain_of
from oddwire.live.scoring.live_scoring import ScoredRows
from oddwire.traffic.units.so_far import UNTIMED

_INCIDENTS = "open_incidents"
_EXPLAINED = "explained_alerts"


@dataclass(frozen=True, eq=False)
class Raised:
    """What a micro-batch came to.

    Parameters
    ----------
    alerts
        In the order of the rows; suppressed ones too.
    features
        What the model saw of the rows of those that are kept one by one, by their ids.
    grouped
        What the alerts did to incidents.
    """

    alerts: Sequence[Alert]
    features: Mapping[str, Mapping[Any, Any]]
    grouped: Grouped


class Alerting:
    """Raises alerts and groups them, in the order in which rows are known.

    Parameters
    ----------
    minutes
        How long a unit is, and from which gap on alerts are two incidents.
    """

    def __init__(self, minutes: float) -> None:
        self._minutes = minutes
        self.incidents = OpenIncidents(minutes)
        self._explained = ExplainedAlerts(minutes)

    def take(
        self,
        scored: ScoredRows,
        places: Sequence[str],
        model: Model,
        made_by: MadeBy,
        allowed: Sequence[AllowEntry],
    ) -> Raised:
        """Return what the next rows come to.

        Parameters
        ----------
        places
            As of `raise_alerts`.
        allowed
            What is not to be sent.
        """
        clock = scored.so_far.clock
        raising = np.flatnonzero(scored.scores["alert"].to_numpy(dtype=bool))
        if not len(raising):
            return Raised((), {}, self.incidents.update([], now=_time(clock)))
        raised = partial(_raised, scored, places, made_by)
        alerts = apply_allow_list(raised(raising), allowed)
        features = scored.features.iloc[raising]
        chosen = np.flatnonzero([self._explains(alert) for alert in alerts])
        if len(chosen):
            explained = raised(raising[chosen], model.explain(features.iloc[chosen]))
            for at, alert in zip(chosen.tolist(), explained, strict=True):
                alerts[at] = alert
        grouped = self.incidents.update(alerts, now=_time(clock))
        listed = [row for row, one in enumerate(alerts) if one.id not in grouped.unlisted]
        seen = features.iloc[listed][list(model.schema.columns)].to_dict("records")
        by_id = {alerts[row].id: each for row, each in zip(listed, seen, strict=True)}
        return Raised(alerts, by_id, grouped)

    def _explains(self, alert: Alert) -> bool:
        """Choose the next alert, or not: a suppressed one takes no explanation from others."""
        if alert.suppressed_by is not None:
            return False
        clock = UNTIMED if alert.clock is None else alert.clock
        return self._explained.takes(alert.unit, alert.destination.address, clock)

    def see(self, past: PastRows) -> Grouped:
        """Go on over rows that were scored, and the alerts that they raised."""
        alerts = [Alert.from_dict(each) for each in past.alerts]
        for alert in alerts:
            self._explains(alert)
        return self.incidents.update(alerts, now=_time(past.clock))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that it knows as arrays by name."""
        return {
            _INCIDENTS: plain_array(self.incidents.to_dict()),
            _EXPLAINED: plain_array(self._explained.to_dict()),
        }

    def go_on(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `to_arrays` returned.

        Raises
        ------
        KeyError, ValueError, TypeError
            If an array is missing or does not fit.
        """
        incidents = plain_of(arrays[_INCIDENTS])
        self.incidents = OpenIncidents.from_dict(incidents, self._minutes)
        explained = plain_of(arrays[_EXPLAINED])
        self._explained = ExplainedAlerts.from_dict(explained, self._minutes)


def _raised(
    scored: ScoredRows,
    places: Sequence[str],
    made_by: MadeBy,
    rows: NDArray[np.intp],
    explained: pd.DataFrame | None = None,
) -> list[Alert]:
    return raise_alerts(
        scored.features.iloc[rows], scored.scores.iloc[rows],
        unit_p_values=scored.unit_p_values[rows], clock=scored.so_far.clock[rows],
        places=[places[row] for row in rows.tolist()], made_by=made_by, explained=explained,
    )  # fmt: skip


def _time(clock: NDArray[np.int64]) -> int | None:
    return None if not len(clock) or clock[-1] == UNTIMED else int(clock[-1])

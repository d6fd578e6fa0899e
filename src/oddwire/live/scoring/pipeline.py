"""Micro-batches on their way: scored, alerted, grouped. Nothing is read or written here.

However the rows are cut into micro-batches, and wherever they are interrupted and gone on with from
what was kept, scores, alerts and incidents are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from oddwire.detection.model import Model
from oddwire.errors import DataError, ModelError
from oddwire.live.alerts.alert import MadeBy
from oddwire.live.alerts.allow_entry import AllowEntry
from oddwire.live.alerts.incidents import Grouped
from oddwire.live.scoring.alerting import Alerting, Raised
from oddwire.live.scoring.kept_rows import PastRows
from oddwire.live.scoring.live_scoring import LiveScoring, ScoredRows
from oddwire.traffic.units.so_far import WorstSoFar


@dataclass(frozen=True, eq=False)
class Taken:
    """What became of the rows of a micro-batch.

    Parameters
    ----------
    scored
        Their scores.
    raised
        Their alerts, and what these did to incidents.
    past
        What must be kept of them.
    """

    scored: ScoredRows
    raised: Raised
    past: PastRows


class Pipeline:
    """What a source's rows go through.

    Parameters
    ----------
    scoring
        Scores them.
    made_by
        What raises the alerts.
    minutes
        How long a unit is.

    Attributes
    ----------
    is_same_model
        Whether the model scored what it goes on from, too.
    """

    def __init__(self, scoring: LiveScoring, made_by: MadeBy, *, minutes: float) -> None:
        self.scoring, self._made_by = scoring, made_by
        self.alerting = Alerting(minutes)
        self.is_same_model = True

    def take(
        self, rows: pd.DataFrame, places: Sequence[str], allowed: Sequence[AllowEntry] = ()
    ) -> Taken:
        """Take the next rows, n ≥ 1.

        Parameters
        ----------
        rows
            Connections in the order in which they are known.
        places
            Where each lies among the rows of its source: its alert's id follows from that.
        allowed
            The entries of the allow-list.
        """
        scored = self.scoring.score(rows)
        raised = self.alerting.take(scored, places, self.scoring.model, self._made_by, allowed)
        alerts = [alert.to_dict() for alert in raised.alerts]
        return Taken(scored, raised, self.scoring.past(rows, scored, alerts))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that it knows, but for the rows in the time windows, as arrays by name."""
        return self.scoring.to_arrays() | self.alerting.to_arrays()

    def go_on(self, arrays: Mapping[str, NDArray[Any]], before: Iterable[PastRows]) -> bool:
        """Go on from what `to_arrays` returned; `see` what was taken since, then.

        Parameters
        ----------
        before
            Rows that were taken before it, in order, as far as time windows hold them.

        Returns
        -------
        Whether this very model scored them.

        Raises
        ------
        DataError
            If an array is missing or does not fit.
        """
        try:
            self.is_same_model = self.scoring.go_on(arrays, before)
            self.alerting.go_on(arrays)
        except (KeyError, ValueError, IndexError, TypeError, ModelError) as error:
            raise DataError(
                f"the checkpoint in the store of alerts does not fit ({error}): another release of "
                "oddwire wrote it; begin with another ODDWIRE_ALERTS_STORE"
            ) from None
        return self.is_same_model

    def see(self, past: PastRows) -> tuple[WorstSoFar | None, Grouped]:
        """Go on over rows that were taken.

        Returns
        -------
        What their units had come to, None where another model had scored them; and what their
        alerts did to incidents.
        """
        so_far = self.scoring.see(past, is_same_model=self.is_same_model)
        return so_far, self.alerting.see(past)

    def take_up(self, model: Model, version: str, made_by: MadeBy, *, minutes: float) -> None:
        """Score the rows that follow with another model; open incidents stay open."""
        self.scoring.take_up(model, version)
        self._made_by = made_by
        known = self.alerting.to_arrays()
        self.alerting = Alerting(minutes)
        self.alerting.go_on(known)

"""Micro-batches on their way: scored, alerted, grouped. Nothing is read or written here.

However the rows are cut into micro-batches, and wherever they are interrupted and gone on with from
what was kept, scores, alerts and incidents are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import DataError, ModelError
from oddwire.live.alerts.alert import MadeBy
from oddwire.live.alerts.allow_list import AllowEntry
from oddwire.live.scoring.alerting import Alerting, Raised
from oddwire.live.scoring.kept_rows import PastRows, packed_arrays, unpacked_arrays
from oddwire.live.scoring.live_scoring import LiveScoring, ScoredRows


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
    """

    def __init__(self, scoring: LiveScoring, made_by: MadeBy, *, minutes: float) -> None:
        self.scoring, self._made_by = scoring, made_by
        self.alerting = Alerting(minutes)

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

    def checkpoint(self) -> bytes:
        """Return all that it knows, but for the rows in the time windows."""
        return packed_arrays(self.scoring.to_arrays() | self.alerting.to_arrays())

    def go_on(
        self, checkpoint: bytes, before: Iterable[PastRows], since: Iterable[PastRows]
    ) -> None:
        """Go on from a checkpoint, and from what was scored since.

        Parameters
        ----------
        checkpoint
            What `checkpoint` returned.
        before, since
            Rows that were taken before it, as far as time windows hold them, and after it.

        Raises
        ------
        DataError
            If it is damaged, or another release of oddwire wrote it.
        """
        arrays = unpacked_arrays(checkpoint)
        try:
            is_same_model = self.scoring.go_on(arrays, before)
            self.alerting.go_on(arrays)
        except (KeyError, ValueError, IndexError, TypeError, ModelError) as error:
            raise DataError(
                f"the checkpoint in the store of alerts does not fit ({error}): another release of "
                "oddwire wrote it; begin with another ODDWIRE_ALERTS_STORE"
            ) from None
        for past in since:
            self.scoring.see(past, is_same_model=is_same_model)
            self.alerting.see(past)

    def take_up(self, model: Model, version: str, made_by: MadeBy, *, minutes: float) -> None:
        """Score the rows that follow with another model; open incidents stay open."""
        self.scoring.take_up(model, version)
        self._made_by = made_by
        known = self.alerting.to_arrays()
        self.alerting = Alerting(minutes)
        self.alerting.go_on(known)


def newest(taken: Taken) -> int:
    """Return the clock of the newest row, in microseconds since 1970."""
    return int(np.max(taken.past.clock))

"""The heavy state of a watch: when it is kept, and how a restart goes on from it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from itertools import takewhile

import numpy as np
import pandas as pd

from oddwire.errors import DataError
from oddwire.live.alerts.incidents import Grouped
from oddwire.live.scoring.kept_rows import (
    PastRows,
    packed_arrays,
    plain_array,
    plain_of,
    unpacked_arrays,
)
from oddwire.live.scoring.pipeline import Pipeline
from oddwire.live.state import KeptRows, Store
from oddwire.live.vitals.observed_rate import RatesSoFar
from oddwire.operations.progress import step
from oddwire.traffic.units.so_far import WorstSoFar

FORM = 2  # raised where what a checkpoint's numbers mean changes
_EVERY_SECONDS, _EVERY_ROWS = 300.0, 2_000_000
_RATES, _FORM = "rates", "form"


class Checkpoints:
    """Keeps all that a source's pipeline knows, every few minutes: connections wait meanwhile.

    Parameters
    ----------
    pipeline, rates
        What is kept.
    """

    def __init__(self, pipeline: Pipeline, rates: RatesSoFar) -> None:
        self._pipeline, self._rates = pipeline, rates
        self._is_due, self._rows, self._at = True, 0, -math.inf

    def is_due(self) -> None:
        """Say that the next rows cannot be gone on to from the last one."""
        self._is_due = True

    def after(self, rows: int) -> bytes | None:
        """Return a checkpoint behind more rows where it is time for one."""
        now = time.monotonic()
        self._rows += rows
        is_long_ago = now - self._at >= _EVERY_SECONDS
        if not (self._is_due or is_long_ago or self._rows >= _EVERY_ROWS):
            return None
        self._is_due, self._rows, self._at = False, 0, now
        more = {_RATES: plain_array(self._rates.to_dict()), _FORM: np.array(FORM)}
        return packed_arrays(self._pipeline.to_arrays() | more)

    def go_on(self, store: Store) -> bool:
        """Go on from the last one, and from the rows that were committed since.

        Returns
        -------
        Whether there was one.

        Raises
        ------
        DataError
            If it is damaged, or of another release of oddwire.
        """
        if (kept := store.checkpoint()) is None:
            return False
        number, checkpoint = kept
        before = takewhile(lambda kept: kept[0] <= number, store.kept_rows())
        with step("go on where it was"):
            arrays = unpacked_arrays(checkpoint)
            if _FORM not in arrays or int(arrays[_FORM]) != FORM:
                raise DataError(
                    "the checkpoint in the store of alerts was written by another release of "
                    "oddwire: begin with another ODDWIRE_ALERTS_STORE"
                )
            is_same_model = self._pipeline.go_on(arrays, _unpacked(before))
            self._rates.go_on(plain_of(arrays[_RATES]))
            if not is_same_model:
                self._rates.changed_to(self._pipeline.scoring.model)
            for past in _unpacked(store.kept_rows(after=number)):
                so_far, grouped = self._pipeline.see(past)
                if so_far is not None:
                    count_rates(self._rates, past.rows, so_far, past.scores, grouped)
        return True


def count_rates(
    rates: RatesSoFar,
    rows: pd.DataFrame,
    so_far: WorstSoFar,
    scores: pd.DataFrame,
    grouped: Grouped,
) -> None:
    """Count rows that were scored, and what they opened."""
    opened = [change.incident for change in grouped.changes if change.what == "opened"]
    own = scores["adaptive_threshold"].to_numpy() if "adaptive_threshold" in scores else None
    rates.take(rows, so_far, scores["alert"].to_numpy(dtype=bool), opened, thresholds=own)


def _unpacked(kept: Iterable[tuple[int, KeptRows]]) -> Iterator[PastRows]:
    return (PastRows.unpacked(each.content) for _, each in kept)

"""Rows that go through a pipeline in pieces, with kills between, and what came of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from oddwire.live.alerts.allow_entry import AllowEntry
from oddwire.live.alerts.incident import Incident
from oddwire.live.scoring.kept_rows import PastRows, packed_arrays, unpacked_arrays
from oddwire.live.scoring.live_scoring import LiveScoring
from oddwire.live.scoring.pipeline import Pipeline, Taken
from tests.live_traffic import MADE_BY, Traffic, cuts

WINDOW = 600 * 1_000_000
_OFTEN = 0.2


@dataclass(frozen=True)
class Case:
    """How rows are cut, and what else is asked of the pipeline.

    Parameters
    ----------
    kills
        Whether it is killed now and then, and goes on from what was kept.
    most_rows
        How many rows time windows hold; None for as many as there are.
    look_back
        How many of the rows are looked back on, and not scored.
    allowed
        The allow-list.
    """

    kills: bool = True
    adaptive: bool = False
    most_rows: int | None = None
    look_back: int = 0
    allowed: Sequence[AllowEntry] = ()


class Run:
    """A pipeline, what it gave, and what is kept of it for a restart."""

    def __init__(self, given: Traffic, case: Case) -> None:
        self.given, self.case = given, case
        self.taken: list[Taken] = []
        self.kept: list[bytes] = []
        self.checkpoint: tuple[int, bytes] | None = None
        self.stored: dict[str, Incident] = {}
        self.pipeline = self._begun()
        before = given.rows.iloc[: case.look_back]
        self.before = self.pipeline.scoring.remember([before[:50], before[50:]])

    def _begun(self) -> Pipeline:
        scoring = LiveScoring(
            self.given.model, "3", adaptive=self.case.adaptive, most_rows=self.case.most_rows
        )
        return Pipeline(scoring, MADE_BY, minutes=10)

    def take(self, begin: int, end: int) -> None:
        taken = self.pipeline.take(
            self.given.rows.iloc[begin:end].reset_index(drop=True), self.given.places[begin:end],
            self.case.allowed,
        )  # fmt: skip
        self.taken.append(taken)
        self.stored |= taken.raised.grouped.changed
        parts = [taken.past] if self.before is None else [self.before, taken.past]
        self.before = None
        self.kept.append(PastRows.joined(parts).packed() if self.case.kills else b"")

    def keep(self) -> None:
        """Write a checkpoint, and forget what no window needs any more."""
        self.checkpoint = (len(self.kept), packed_arrays(self.pipeline.to_arrays()))
        newest = self.taken[-1].past.clock[-1]
        for at, each in enumerate(self.taken):
            if each.past.clock[-1] < newest - WINDOW:
                self.kept[at] = b""

    def kill(self) -> None:
        """Begin anew, and go on from what was kept."""
        if self.checkpoint is None:
            return
        number, content = self.checkpoint
        self.pipeline = self._begun()
        self.pipeline.go_on(unpacked_arrays(content), self._past(0, number))
        for past in self._past(number, len(self.kept)):
            self.pipeline.see(past)

    def _past(self, begin: int, end: int) -> Iterator[PastRows]:
        return (PastRows.unpacked(each) for each in self.kept[begin:end] if each)

    @property
    def features(self) -> pd.DataFrame:
        return pd.concat([each.scored.features for each in self.taken], ignore_index=True)

    @property
    def scores(self) -> pd.DataFrame:
        return pd.concat([each.scored.scores for each in self.taken], ignore_index=True)

    @property
    def told(self) -> list[str]:
        """All alerts and all changes of incidents, in order."""
        alerts = [alert.to_dict() for each in self.taken for alert in each.raised.alerts]
        changes = [
            [change.what, change.incident.to_dict()]
            for each in self.taken
            for change in each.raised.grouped.changes
        ]
        return [json.dumps(one) for one in [*alerts, *changes]]

    @property
    def dropped(self) -> int:
        """How many rows left the time windows before their time."""
        return self.pipeline.scoring.dropped


def at_once(given: Traffic, case: Case) -> Run:
    """Take all rows as one micro-batch."""
    one = Run(given, case)
    one.take(case.look_back, len(given.rows))
    return one


def in_pieces(given: Traffic, seed: int, case: Case) -> Run:
    """Take rows in random micro-batches."""
    random = np.random.default_rng(seed)
    one = Run(given, case)
    for begin, end in cuts(len(given.rows) - case.look_back, random):
        one.take(case.look_back + begin, case.look_back + end)
        if case.kills:
            if one.checkpoint is None or random.random() < _OFTEN:
                one.keep()
            if random.random() < _OFTEN:
                one.kill()
    return one


def check_equal(one: Run, other: Run) -> None:
    """Assert that two runs gave the same, and know the same, to the last bit."""
    pd.testing.assert_frame_equal(one.features, other.features, check_exact=True)
    pd.testing.assert_frame_equal(one.scores, other.scores, check_exact=True)
    assert one.told == other.told
    assert one.stored == other.stored
    for incident in one.pipeline.alerting.incidents.incidents:
        assert one.stored[incident.id] == incident
    assert one.dropped == other.dropped
    known, wanted = (each.pipeline.to_arrays() for each in (one, other))
    assert known.keys() == wanted.keys()
    for name, array in known.items():
        np.testing.assert_array_equal(array, wanted[name], err_msg=name)

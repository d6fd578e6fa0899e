"""However rows come in, and wherever it is interrupted: the numbers of the batch, bit by bit."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from oddwire.live.scoring.kept_rows import PastRows, packed_arrays, unpacked_arrays
from oddwire.live.scoring.live_scoring import LiveScoring
from oddwire.live.scoring.pipeline import Pipeline, Taken
from tests.live_traffic import MADE_BY, Traffic, cuts, traffic

WINDOW = 600 * 1_000_000


class Run:
    """A pipeline, what it gave, and what is kept of it for a restart."""

    def __init__(self, given: Traffic, *, adaptive: bool = False) -> None:
        self.given, self.adaptive = given, adaptive
        self.taken: list[Taken] = []
        self.kept: list[bytes] = []
        self.checkpoint: tuple[int, bytes] | None = None
        self.pipeline = self._begun()

    def _begun(self) -> Pipeline:
        scoring = LiveScoring(self.given.model, "3", adaptive=self.adaptive)
        return Pipeline(scoring, MADE_BY, minutes=10)

    def take(self, begin: int, end: int) -> None:
        taken = self.pipeline.take(
            self.given.rows.iloc[begin:end].reset_index(drop=True), self.given.places[begin:end]
        )
        self.taken.append(taken)
        self.kept.append(taken.past.packed())

    def keep(self) -> None:
        """Write a checkpoint, and forget what no window needs any more."""
        self.checkpoint = (len(self.kept), packed_arrays(self.pipeline.to_arrays()))
        newest = PastRows.unpacked(self.kept[-1]).clock[-1]
        for at, each in enumerate(self.kept):
            if each and PastRows.unpacked(each).clock[-1] < newest - WINDOW:
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


def run(given: Traffic, seed: int, *, kills: bool, adaptive: bool = False) -> Run:
    random = np.random.default_rng(seed)
    one = Run(given, adaptive=adaptive)
    for begin, end in cuts(len(given.rows), random):
        one.take(begin, end)
        if kills:
            if one.checkpoint is None or random.random() < 0.2:
                one.keep()
            if random.random() < 0.2:
                one.kill()
    return one


@pytest.fixture(scope="module")
def whole() -> Run:
    """All rows as one micro-batch."""
    one = Run(traffic())
    one.take(0, len(one.given.rows))
    return one


def test_the_whole_at_once_is_the_batch(whole: Run) -> None:
    given = whole.given
    pd.testing.assert_frame_equal(whole.features, given.features, check_exact=True)
    pd.testing.assert_frame_equal(whole.scores, given.scores, check_exact=True)
    alerts = [alert for each in whole.taken for alert in each.raised.alerts]
    assert len(alerts) == given.scores["alert"].sum() > 50
    assert any(alert.reasons for alert in alerts)


@pytest.mark.parametrize("seed", range(4))
def test_cut_anywhere(whole: Run, seed: int) -> None:
    live = run(whole.given, seed, kills=False)
    pd.testing.assert_frame_equal(live.features, whole.features, check_exact=True)
    pd.testing.assert_frame_equal(live.scores, whole.scores, check_exact=True)
    assert live.told == whole.told


@pytest.mark.parametrize("seed", range(4))
def test_killed_anywhere(whole: Run, seed: int) -> None:
    live = run(whole.given, seed, kills=True)
    pd.testing.assert_frame_equal(live.features, whole.features, check_exact=True)
    pd.testing.assert_frame_equal(live.scores, whole.scores, check_exact=True)
    assert live.told == whole.told

"""However rows come in, and wherever it is interrupted: the numbers of the batch, bit by bit."""

from __future__ import annotations

import pandas as pd
import pytest

from oddwire.live.scoring.kept_rows import PastRows
from tests.live_traffic import traffic
from tests.parity_runs import Case, Run, at_once, check_equal, in_pieces


@pytest.fixture(scope="module")
def whole() -> Run:
    """All rows as one micro-batch."""
    return at_once(traffic(), Case())


def test_the_whole_at_once_is_the_batch(whole: Run) -> None:
    given = whole.given
    pd.testing.assert_frame_equal(whole.features, given.features, check_exact=True)
    pd.testing.assert_frame_equal(whole.scores, given.scores, check_exact=True)
    alerts = [alert for each in whole.taken for alert in each.raised.alerts]
    assert len(alerts) == given.scores["alert"].sum() > 50
    assert any(alert.reasons for alert in alerts)
    assert whole.dropped == 0


@pytest.mark.parametrize(("seed", "kills"), [(0, False), (1, True), (2, True)])
def test_cut_and_killed_anywhere(whole: Run, seed: int, kills: bool) -> None:
    check_equal(in_pieces(whole.given, seed, Case(kills=kills)), whole)


def test_a_threshold_that_follows_drift(whole: Run) -> None:
    case = Case(adaptive=True)
    wanted = at_once(whole.given, case)
    assert len(set(wanted.scores["adaptive_threshold"])) > 1
    (taken,) = wanted.taken
    thresholds = wanted.scores["adaptive_threshold"][wanted.scores["alert"]].tolist()
    assert [alert.made_by.threshold for alert in taken.raised.alerts] == thresholds
    kept = PastRows.unpacked(taken.past.packed())
    assert kept.scores["adaptive_threshold"].equals(wanted.scores["adaptive_threshold"])
    check_equal(in_pieces(whole.given, 3, case), wanted)


def test_what_was_looked_back_on(whole: Run) -> None:
    case = Case(look_back=500)
    wanted = at_once(whole.given, case)
    later = whole.features.iloc[500:].reset_index(drop=True)
    pd.testing.assert_frame_equal(wanted.features, later, check_exact=True)
    check_equal(in_pieces(whole.given, 5, case), wanted)


def test_another_kind_of_threshold_begins_anew(whole: Run) -> None:
    one = Run(whole.given, Case(adaptive=True))
    arrays = whole.pipeline.to_arrays()
    assert not one.pipeline.go_on(arrays, [])


def test_time_windows_that_are_full(whole: Run) -> None:
    case = Case(most_rows=40)
    wanted = at_once(whole.given, case)
    assert wanted.dropped > 100
    assert not wanted.features.equals(whole.features)
    check_equal(in_pieces(whole.given, 4, case), wanted)

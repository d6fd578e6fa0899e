"""The same campaigns are drawn for both detectors."""

from __future__ import annotations

import numpy as np
import pytest

from oddwire.errors import DataError
from oddwire.evaluation.campaigns.comparing import paired_campaigns


def drawn(challenger, champion, *, campaigns=40, rows=25, **options):
    """Find so many campaigns each, with one alert in the middle of their rows."""
    names = np.repeat([f"c{number}" for number in range(campaigns)], rows).astype(object)
    middle = np.arange(campaigns * rows) % rows == rows // 2
    alerts = [
        middle & (np.arange(campaigns * rows) // rows < count) for count in (challenger, champion)
    ]
    labels = np.r_[np.ones(len(names)), 0]
    both = [np.append(each, True) for each in alerts]
    return paired_campaigns(labels, *both, np.append(names, None), **options)


def test_a_campaign_counts_once_however_many_rows_it_has():
    difference = drawn(30, 20)
    assert difference.metric == "campaign_recall"
    assert (difference.challenger, difference.champion) == (0.75, 0.5)
    assert difference.estimate == pytest.approx(0.25)
    assert 0 < difference.low < 0.25 < difference.high < 0.45
    assert drawn(30, 20, rows=3) == difference


def test_the_interval_is_that_of_a_paired_bootstrap():
    difference = drawn(30, 20, resamples=20_000)
    # Ten of forty differ: the standard error of their share.
    assert difference.high - difference.low == pytest.approx(
        2 * 1.96 * np.sqrt(0.25 * 0.75 / 40), abs=0.03
    )


def test_equal_detectors_do_not_differ():
    difference = drawn(20, 20)
    assert (difference.estimate, difference.low, difference.high) == (0, 0, 0)


def test_without_campaigns_there_is_nothing_to_compare():
    assert paired_campaigns([0, 1], [True, True], [False, True], None) is None
    assert paired_campaigns([0, 1], [True, True], [False, True], ["c1", None]) is None


def test_alerts_on_other_rows_are_an_error():
    with pytest.raises(DataError, match="got 2 and 1 alerts"):
        paired_campaigns([0, 1], [True, True], [True], None)

"""A threshold is lowered as far as the false alarms allow, and no source decides alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.traffic.units import units_of

LEVELS = (0.001, 0.003, 0.01, 0.03, 0.1)


def rows_of(sources, seconds):
    return units_of(
        pd.DataFrame({"src_ip": sources, "end": pd.to_datetime(seconds, unit="s", utc=True)})
    )


def a_day(sources=40, rows=4000, seed=0, scores=None):
    """A day of rows of equal sources."""
    random = np.random.default_rng(seed)
    seconds = np.sort(random.integers(86_400, size=rows))
    names = [f"10.0.0.{number}" for number in random.integers(sources, size=rows)]
    values = random.exponential(size=rows) if scores is None else scores
    return BenignAlarms.of(values, rows_of(names, seconds))


def with_a_scanner(quiet, slots=100):
    """The same day with a source that has one row of the highest score in each of many slots."""
    units = quiet.units
    seconds = np.append(units.clock / 1e6, 600 * np.arange(slots) + 300)
    names = np.append(units.names[units.sources], ["10.9.9.9"] * slots)
    scores = np.append(quiet.scores, 50 + np.arange(slots))
    order = np.argsort(seconds, kind="stable")
    return BenignAlarms.of(scores[order], rows_of(names[order], seconds[order]))


@pytest.mark.parametrize("what", ["by_unit", "by_incident", "by_row"])
@pytest.mark.parametrize("allowed", [1, 2, 13.7, 60])
def test_the_threshold_is_the_lowest_with_fewer_alarms_than_allowed(what, allowed):
    day = a_day()
    alarms = getattr(day, what)
    found = day.threshold(alarms, allowed, bounded=False)
    assert found.alarms == len(alarms.at(found.threshold)) <= allowed - 1
    below = np.nextafter(found.threshold, -np.inf)
    assert len(alarms.at(below)) > allowed - 1
    assert found.not_counted == 0


def test_alarms_are_the_units_and_incidents_of_the_rows():
    day = a_day()
    for threshold in (2.0, 3.3, 5.0):
        assert len(day.by_incident.at(threshold)) == day.units.incidents(day.scores, threshold)
        units = np.unique(day.units.codes[day.scores >= threshold])
        assert len(day.by_unit.at(threshold)) == len(units)
        assert len(day.by_row.at(threshold)) == (day.scores >= threshold).sum()


@given(scores=st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=1, max_size=60))
def test_equal_scores_are_alerts_together(scores):
    day = BenignAlarms.of(scores, rows_of(["a", "b", "c"] * 20, 100 * np.arange(60)).take(
        np.arange(len(scores))))  # fmt: skip
    found = day.threshold(day.by_incident, 4, bounded=False)
    assert found.alarms <= 3 or found.threshold == min(scores)
    assert found.threshold in {np.nextafter(score, np.inf) for score in scores} | {min(scores)}


def test_a_scanner_does_not_lift_the_threshold_of_all_others():
    quiet = a_day()
    noisy = with_a_scanner(quiet)
    for what in ("by_unit", "by_incident"):
        usual = quiet.threshold(getattr(quiet, what), 60).threshold
        unbounded = noisy.threshold(getattr(noisy, what), 60, bounded=False)
        bounded = noisy.threshold(getattr(noisy, what), 60)
        assert unbounded.threshold > quiet.scores.max(), "it would take all that is allowed"
        assert bounded.threshold < 1.1 * usual
        # 60 / 10 = 6 and two deviations: 10 at most of its hundred.
        assert bounded.not_counted == 100 - 10
        assert bounded.alarms - bounded.not_counted <= 59


def test_a_source_of_half_of_the_units_may_have_half_of_the_alarms():
    random = np.random.default_rng(0)
    names = np.where(random.random(3000) < 0.5, "10.0.0.1", "10.0.0.2")
    day = BenignAlarms.of(random.exponential(size=3000), rows_of(names, 600 * np.arange(3000)))
    assert day.threshold(day.by_unit, 100).not_counted == 0


def test_the_noisiest_sources_are_named_with_their_share_and_few_of_them():
    noisy = with_a_scanner(a_day())
    threshold = noisy.threshold(noisy.by_unit, 60).threshold
    first, *others = noisy.noisiest(noisy.by_unit, threshold)
    assert (first.source, first.alarms) == ("10.9.9.9", 100)
    assert first.share == pytest.approx(100 / len(noisy.by_unit.at(threshold)))
    assert len(others) <= 4
    assert all(each.share >= 0.1 for each in others)


def test_rows_without_sources_name_none():
    day = BenignAlarms.of([1.0, 2, 3], units_of(pd.DataFrame({"bytes": [1, 2, 3]})))
    assert day.noisiest(day.by_row, 1.0) == ()


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("sources", [5, 50])
def test_on_exchangeable_units_the_share_that_alerts_is_at_most_the_level(bounded, sources):
    """With as many calibration units as the smallest level needs, over many calibration sets."""
    random = np.random.default_rng(14)
    repetitions, units = 300, 1000
    shares = {level: [] for level in LEVELS}
    for _ in range(repetitions):
        # A unit is two rows; the scores of all units have one distribution.
        names = np.repeat(random.integers(sources, size=units).astype(str), 2)
        scores = random.exponential(size=2 * units)
        day = BenignAlarms.of(scores, rows_of(names, np.repeat(600 * np.arange(units), 2)))
        for level in LEVELS:
            found = day.threshold(day.by_unit, level * (units + 1), bounded=bounded)
            beyond = 1 - (1 - np.exp(-found.threshold)) ** 2  # of new units, exactly
            shares[level].append(beyond - found.not_counted / (units + 1))
    for level in LEVELS:
        error = np.std(shares[level]) / np.sqrt(repetitions)
        assert np.mean(shares[level]) <= level + 3 * error
        assert np.mean(shares[level]) >= 0.5 * level - 3 * error, "and not far below"

"""Intervals of what comes in clusters cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddwire.evaluation.uncertainty.clustered import ClusteredCount, exact_interval, share_interval

PERIODS = 250


def bursts(rng, sources, mean):
    """Count the false incidents of sources, of which a few raise most."""
    return rng.poisson(rng.gamma(0.15, mean / 0.15, size=sources)).astype(float)


def covered(intervals, truth):
    return np.mean([low <= truth <= high for low, high in intervals])


@pytest.mark.parametrize("mean", [0.1, 0.5])
def test_counts_that_come_in_bursts_are_covered_where_single_events_are_not(mean):
    rng = np.random.default_rng(0)
    periods = [bursts(rng, 200, mean) for _ in range(PERIODS)]
    by_source = [ClusteredCount(hits).interval() for hits in periods]
    singly = [ClusteredCount(np.ones(int(hits.sum()))).interval() for hits in periods]
    assert covered(by_source, 200 * mean) >= 0.93
    assert covered(singly, 200 * mean) < covered(by_source, 200 * mean)


def test_shares_of_units_are_covered():
    rng = np.random.default_rng(1)
    intervals = []
    for _ in range(PERIODS):
        sizes = rng.poisson(30, size=150) + 1.0
        hits = rng.binomial(sizes.astype(int), np.minimum(rng.gamma(0.2, 0.1, size=150), 1))
        intervals.append(ClusteredCount(hits.astype(float), sizes).interval())
    assert 0.93 <= covered(intervals, 0.0199) <= 1


def test_the_recall_of_few_campaigns_is_covered():
    rng = np.random.default_rng(2)
    intervals = []
    for _ in range(PERIODS):
        sizes = rng.poisson(50, size=5) + 1.0
        intervals.append(share_interval(sizes * rng.beta(1, 1, size=5), sizes))
    assert covered(intervals, 0.5) >= 0.93


def test_of_independent_rows_they_are_the_exact_intervals_or_nearly():
    counted = ClusteredCount(np.ones(9)).interval()
    assert counted == pytest.approx((4.115, 17.085), abs=0.001), "Garwood's for a Poisson count"
    hits = np.repeat([1.0, 0.0], [9, 491])
    exact = exact_interval(9, 500)
    assert ClusteredCount(hits, np.ones(500)).interval() == pytest.approx(exact, abs=0.002)
    assert share_interval(hits, np.ones(500)) == pytest.approx(exact, abs=0.002)


def test_a_count_of_nothing_is_not_certain_and_bursts_make_it_less_so():
    assert ClusteredCount(np.zeros(5)).interval() == pytest.approx((0, 3.689), abs=0.001)
    rows = ClusteredCount(np.zeros(100), np.full(100, 30.0), burst=3.0)
    units = ClusteredCount(np.zeros(100), np.full(100, 10.0))
    assert rows.interval().high == pytest.approx(units.interval().high, rel=0.01)


def test_a_single_campaign_says_little_of_the_next_one():
    low, high = share_interval(np.array([80.0]), np.array([100.0]))
    assert low < 0.1
    assert high > 0.95
    none = share_interval(np.array([0.0, 0.0]), np.array([100.0, 100.0]))
    assert none.low == 0
    assert none.high > 0.7


def test_what_differs_between_families_makes_the_recall_of_all_no_less_sure():
    hits, sizes = np.array([10.0, 9, 10, 0, 1, 0]), np.full(6, 10.0)
    families = np.array([0, 0, 0, 1, 1, 1])
    apart, together = share_interval(hits, sizes, families), share_interval(hits, sizes)
    assert together.low < apart.low < 0.5 < apart.high < together.high
    alone = share_interval(hits, sizes, np.arange(6))
    assert alone == together, "families of one campaign each are drawn together"


def test_a_share_of_one_cluster_is_not_sure():
    assert ClusteredCount(np.array([49.0]), np.array([69.0])).interval().low == 0


@given(
    hits=st.lists(st.integers(0, 50), min_size=1, max_size=30),
    copies=st.integers(2, 40),
    spare=st.integers(0, 20),
)
def test_more_rows_of_the_same_clusters_change_nothing(hits, copies, spare):
    """A share of rows is as sure as its clusters are many, however many rows each has."""
    hits = np.array(hits, dtype=float)
    sizes = hits + spare + 1
    once = ClusteredCount(hits, sizes, burst=1.0).interval()
    often = ClusteredCount(hits * copies, sizes * copies, burst=float(copies)).interval()
    assert often == pytest.approx(once)
    if len(hits) > 1:
        low, high = share_interval(hits, sizes)
        many = share_interval(hits * copies, sizes * copies)
        assert many.low <= hits.sum() / sizes.sum() <= many.high
        assert 0 <= low <= high <= 1


@given(hits=st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_the_value_lies_within_and_events_of_one_cluster_are_least_sure(hits):
    hits = np.array(hits, dtype=float)
    low, high = ClusteredCount(hits).interval()
    assert low <= hits.sum() <= high
    if hits.sum():
        merged = ClusteredCount(np.array([hits.sum()])).interval()
        assert merged.low <= low + 1e-9
        assert merged.high >= high - 1e-9

"""Rows of one source, and attack rows of one campaign, are one cluster."""

from __future__ import annotations

import numpy as np
import pytest

from oddwire.evaluation.uncertainty.clusters import clusters_of
from oddwire.evaluation.uncertainty.resampling import stratified_weights
from oddwire.traffic.units import Units

HOUR = 3_600_000_000


def units(sources, hours=None, kind="source and time"):
    sources = np.asarray(sources)
    names = np.array([f"10.0.0.{at}" for at in range(sources.max() + 1)], dtype=object)
    clock = None if hours is None else (np.asarray(hours) * HOUR).astype(np.int64)
    return Units(sources, names, clock, 10.0, kind)


def test_a_cluster_is_a_source_where_there_are_ten():
    sources = np.arange(30) % 10
    assert clusters_of(units(sources, np.arange(30))).tolist() == sources.tolist()
    assert clusters_of(units(sources, kind="source")).tolist() == sources.tolist()


def test_of_few_sources_the_blocks_of_six_hours_are_drawn():
    assert clusters_of(units([0, 1, 0, 1], [0, 1, 7, 120])).tolist() == [0, 0, 1, 20]
    alone = units(np.arange(4), [0, 1, 7, 120], kind="row")
    assert clusters_of(alone).tolist() == [0, 0, 1, 20], "and of rows without a source"


def test_a_short_period_has_twenty_blocks():
    clusters = clusters_of(units(np.zeros(201, dtype=int), np.linspace(0, 2, 201)))
    assert len(np.unique(clusters[:-1])) == 20


def test_an_attack_row_is_of_its_campaign_where_that_is_known():
    campaign = [None, "c2 1", "c2 1", None, "scan 1", "scan 1"]
    clusters = clusters_of(None, [0, 1, 1, 1, 1, 0], campaign)
    assert clusters[1] == clusters[2]
    assert len(set(clusters.tolist())) == 5, "a benign row is not of a campaign"


@pytest.mark.parametrize("kind", ["row", "source"])
def test_rows_of_which_nothing_is_known_stand_for_themselves(kind):
    assert clusters_of(None) is None
    assert clusters_of(units(np.zeros(5, dtype=int), kind=kind)) is None


def test_the_rows_of_a_cluster_are_drawn_together_and_a_class_keeps_its_weight():
    rng = np.random.default_rng(1)
    classes = np.repeat([True, False], [40, 60])
    clusters = np.concatenate([np.repeat(np.arange(4), 10), np.arange(60) // 6])
    for weights in stratified_weights(classes, 20, rng, clusters):
        for cluster in range(10):
            for of in (classes, ~classes):
                mine = weights[of & (clusters == cluster)]
                assert not len(mine) or (mine == mine[0]).all()
        assert weights[classes].sum() == pytest.approx(40)
        assert weights[~classes].sum() == pytest.approx(60)


def test_more_rows_of_the_same_clusters_make_a_mean_no_surer():
    """Drawn singly, a hundred copies of each row would look ten times as sure."""
    values = np.random.default_rng(2).normal(size=12)

    def spread(copies):
        rows, one_class = np.repeat(values, copies), np.zeros(12 * copies, dtype=bool)
        clusters = np.repeat(np.arange(12), copies)
        draws = stratified_weights(one_class, 2000, np.random.default_rng(3), clusters)
        return np.std([weights @ rows / weights.sum() for weights in draws])

    assert spread(100) == pytest.approx(spread(2), rel=1e-9)
    assert spread(2) == pytest.approx(values.std(ddof=1) / np.sqrt(12), rel=0.1)

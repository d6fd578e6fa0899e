"""What nearest neighbours and the local outlier factor promise beyond the contract."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from sklearn.neighbors import LocalOutlierFactor

from oddwire.detection.detectors import distances, local_outlier_factor
from oddwire.detection.detectors.distances import distinct_rows, nearest, sample_rows
from oddwire.detection.detectors.local_outlier_factor import LocalOutlierFactorDetector
from oddwire.detection.detectors.nearest_neighbours import NearestNeighboursDetector

SMALL = st.floats(-100, 100, width=32)


def normal_rows(count: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, columns))


def state(seed: int = 0) -> np.random.RandomState:
    return np.random.RandomState(seed)


# -- distances ----------------------------------------------------------------------------------


@given(arrays(np.float64, (12, 3), elements=SMALL), arrays(np.float64, (7, 3), elements=SMALL))
@settings(max_examples=50, deadline=None)
def test_nearest_distances_equal_those_of_all_pairs(X, kept):
    found, places = nearest(X, kept, 4)
    pairs = cdist(X, kept)
    np.testing.assert_allclose(found, np.sort(pairs, axis=1)[:, :4], rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(pairs, places, 1), found, rtol=1e-9, atol=1e-9)


def test_a_kept_row_is_at_distance_zero_however_far_from_the_origin():
    rows = normal_rows(200, 5) + 1e5
    assert (nearest(rows, rows, 1)[0] == 0).all()


def test_blocks_change_no_distance(monkeypatch):
    X, kept = normal_rows(50, 4), normal_rows(30, 4, seed=1)
    whole = nearest(X, kept, 3)
    monkeypatch.setattr(distances, "_BLOCK_ENTRIES", 60)
    for one, other in zip(nearest(X, kept, 3), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_distinct_rows_are_rows_of_the_matrix_without_repeats():
    X = np.repeat(normal_rows(40, 3), 5, axis=0)
    kept = distinct_rows(X, 1_000, state())
    np.testing.assert_array_equal(kept, np.unique(X, axis=0))
    fewer = distinct_rows(X, 10, state())
    assert fewer.shape == (10, 3)
    assert len(np.unique(np.vstack([kept, fewer]), axis=0)) == 40


def test_a_sample_keeps_the_order_and_all_rows_where_they_are_few():
    X = np.arange(20.0)[:, None]
    assert (np.diff(sample_rows(X, 7, state())[:, 0]) > 0).all()
    np.testing.assert_array_equal(sample_rows(X, 20, state()), X)


# -- nearest neighbours -------------------------------------------------------------------------


@pytest.mark.parametrize("distance", ["mean", "largest"])
def test_the_score_is_the_distance_to_the_nearest_training_rows(distance):
    X, other = normal_rows(100, 4), normal_rows(30, 4, seed=1)
    detector = NearestNeighboursDetector(n_neighbors=3, distance=distance, random_state=0).fit(X)
    near = np.sort(cdist(other, X), axis=1)[:, :3]
    expected = near.mean(axis=1) if distance == "mean" else near[:, 2]
    np.testing.assert_allclose(-detector.score_samples(other), expected, rtol=1e-9)


def test_no_more_rows_are_kept_than_allowed():
    detector = NearestNeighboursDetector(max_rows=50, random_state=0).fit(normal_rows(900, 3))
    assert detector.rows_.shape == (50, 3)


def test_blocks_of_rows_change_no_score(monkeypatch):
    X = normal_rows(100, 4)
    detector = NearestNeighboursDetector(random_state=0).fit(X)
    whole = detector.score_samples(X)
    monkeypatch.setattr(distances, "_BLOCK_ROWS", 7)
    np.testing.assert_allclose(detector.score_samples(X), whole, rtol=1e-12)


def test_with_one_neighbour_new_rows_among_the_old_are_normal():
    detector = NearestNeighboursDetector(n_neighbors=1, random_state=0).fit(normal_rows(500, 2))
    assert (detector.predict(normal_rows(500, 2, seed=1)) == 1).mean() > 0.9
    assert (detector.predict(normal_rows(50, 2, seed=1) + 50) == -1).all()


def test_more_neighbours_than_rows_are_all_rows():
    X = normal_rows(4, 2)
    detector = NearestNeighboursDetector(n_neighbors=50, random_state=0).fit(X)
    other = normal_rows(10, 2, seed=1)
    np.testing.assert_allclose(-detector.score_samples(other), cdist(other, X).mean(axis=1))


def test_beside_a_single_distinct_row_the_score_is_the_distance_to_it():
    detector = NearestNeighboursDetector(random_state=0).fit(np.full((40, 2), 3.0))
    np.testing.assert_allclose(detector.score_samples([[3.0, 3.0], [6.0, 7.0]]), [0.0, -5.0])
    assert detector.predict([[3.0, 3.0], [6.0, 7.0]]).tolist() == [1, -1]


def test_repeats_do_not_count_as_neighbours():
    X = normal_rows(60, 3)
    once = NearestNeighboursDetector(n_neighbors=5, random_state=0).fit(X)
    often = NearestNeighboursDetector(n_neighbors=5, random_state=0).fit(np.repeat(X, 4, axis=0))
    other = normal_rows(20, 3, seed=1)
    np.testing.assert_allclose(often.score_samples(other), once.score_samples(other), rtol=1e-12)


@pytest.mark.parametrize("wrong", [{"n_neighbors": 0}, {"distance": "median"}, {"max_rows": 0}])
def test_a_wrong_parameter_of_neighbours_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NearestNeighboursDetector(**wrong).fit(normal_rows(10, 2))


# -- local outlier factor -----------------------------------------------------------------------


def test_a_single_sample_is_scikit_learns_factor():
    X, other = normal_rows(200, 4), normal_rows(50, 4, seed=1)
    ours = LocalOutlierFactorDetector(n_neighbors=15, random_state=0).fit(X)
    assert len(ours.factors_) == 1
    theirs = LocalOutlierFactor(n_neighbors=15, novelty=True).fit(X)
    np.testing.assert_allclose(ours.score_samples(other), theirs.score_samples(other), rtol=1e-6)


def test_samples_are_averaged_and_each_within_its_limit():
    X, other = normal_rows(2_000, 3), normal_rows(20, 3, seed=1)
    detector = LocalOutlierFactorDetector(n_samples=4, max_rows=100, random_state=0).fit(X)
    assert [one.n_samples_fit_ for one in detector.factors_] == [100] * 4
    logs = [np.log(-one.score_samples(other)) for one in detector.factors_]
    np.testing.assert_allclose(detector.score_samples(other), -np.exp(np.mean(logs, axis=0)))


def test_repeated_rows_do_not_make_their_surroundings_anomalous():
    X = normal_rows(300, 3)
    often = np.vstack([X, np.repeat(X[:20], 100, axis=0)])
    other = normal_rows(200, 3, seed=1)
    plain = LocalOutlierFactorDetector(max_rows=1_000, random_state=0).fit(X).score_samples(other)
    full = LocalOutlierFactorDetector(max_rows=1_000, random_state=0).fit(often)
    np.testing.assert_allclose(full.score_samples(other), plain, rtol=1e-6)


@pytest.mark.parametrize("distinct", [1, 2, 3, 5])
def test_with_few_distinct_rows_near_ones_are_normal_and_far_ones_anomalous(distinct):
    X = np.repeat(np.arange(float(distinct))[:, None] * [1.0, 0.5], 20, axis=0)
    detector = LocalOutlierFactorDetector(random_state=0).fit(X)
    assert (detector.predict(X) == 1).all()
    assert (detector.predict([[500.0, 500.0], [-500.0, 0.0]]) == -1).all()


def test_all_but_equal_rows_give_finite_factors_and_no_warning():
    X = normal_rows(50, 3)
    X = np.vstack([X, X[:1] + 1e-13 * normal_rows(60, 3, seed=2)])
    scores = LocalOutlierFactorDetector(random_state=0).fit(X).score_samples(normal_rows(30, 3))
    assert np.isfinite(scores).all()


def test_blocks_change_no_factor(monkeypatch):
    X = normal_rows(150, 4)
    detector = LocalOutlierFactorDetector(random_state=0).fit(X)
    whole = detector.score_samples(X)
    monkeypatch.setattr(local_outlier_factor, "_BLOCK_ROWS", 7)
    np.testing.assert_allclose(detector.score_samples(X), whole, rtol=1e-6)


@pytest.mark.parametrize("wrong", [{"n_neighbors": 0}, {"n_samples": 0}, {"max_rows": 0}])
def test_a_wrong_parameter_of_the_factor_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LocalOutlierFactorDetector(**wrong).fit(normal_rows(10, 2))

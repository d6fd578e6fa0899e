"""What the isolation forest promises beyond the contract of all detectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from oddwire.detection.detectors.isolation_forest import scoring
from oddwire.detection.detectors.isolation_forest.detector import IsolationForestDetector
from oddwire.detection.persistence.estimators import dump_estimator, load_estimator
from oddwire.errors import ModelError

X = np.random.default_rng(0).normal(size=(400, 6))


def fitted(rows=X, **changes):
    chosen = {"n_estimators": 40, "max_samples": 128, "random_state": 5} | changes
    return IsolationForestDetector(**chosen).fit(rows)


def plain(rows=X, **changes):
    """Return a forest that checks no range."""
    forest = fitted(rows, **changes)
    forest.lows_, forest.highs_ = (
        np.full_like(forest.lows_, -np.inf),
        np.full_like(forest.highs_, np.inf),
    )
    del forest._flat
    return forest


@pytest.mark.parametrize("max_features", [1.0, 0.5])
def test_without_ranges_scores_are_those_of_scikit_learn(max_features):
    ours = plain(max_features=max_features)
    theirs = IsolationForest(
        n_estimators=40, max_samples=128, max_features=max_features, random_state=5
    ).fit(X)
    new = np.vstack([3 * X[::-1], np.full((1, 6), 1e30)])
    np.testing.assert_allclose(
        ours.score_samples(new), theirs.score_samples(new), rtol=0, atol=1e-12
    )
    assert ours.offset_ == theirs.offset_


@pytest.mark.parametrize("rows", [7, 400])
def test_threads_change_no_bit_of_the_scores(rows, monkeypatch):
    monkeypatch.setattr(scoring, "cpu_count", lambda: 1)
    alone = FITTED.score_samples(X[:rows])
    monkeypatch.setattr(scoring, "cpu_count", lambda: 2)
    np.testing.assert_array_equal(FITTED.score_samples(X[:rows]), alone)


def test_more_samples_than_rows_takes_all_rows():
    # Warnings are errors here, and scikit-learn's forest would warn.
    few = IsolationForestDetector(n_estimators=5, max_samples=4096, random_state=0).fit(X)
    assert few.forest_.max_samples_ == len(X)


def test_a_small_share_of_columns_is_at_least_one():
    one = IsolationForestDetector(n_estimators=5, max_features=0.3, random_state=0).fit(X[:, :1])
    assert np.isfinite(one.score_samples(X[:, :1])).all()


def test_ranges_change_nothing_for_rows_that_every_tree_has_seen():
    every = {"max_samples": len(X)}
    np.testing.assert_array_equal(fitted(**every).score_samples(X), plain(**every).score_samples(X))


def test_a_row_beyond_the_range_is_more_anomalous_than_its_nearest_neighbour_within():
    line = np.linspace(0, 1, 256)[:, None]
    beyond = np.array([[1.0], [1.5]])
    unchecked = plain(line, max_samples=256).score_samples(beyond)
    ranged = fitted(line, max_samples=256).score_samples(beyond)
    assert unchecked[0] == unchecked[1]
    # Outside at the root of every tree: one step, of 2 (ln 255 + gamma) - 2 * 255 / 256.
    assert ranged[1] == pytest.approx(-(2 ** (-1 / 10.24477)), abs=1e-6)
    assert ranged[0] == unchecked[0]


@given(seed=st.integers(0, 2**16), factor=st.floats(0.1, 50))
@settings(max_examples=15, deadline=None)
def test_the_check_of_ranges_makes_no_row_more_normal(seed, factor):
    new = factor * np.random.default_rng(seed).normal(size=(30, 6))
    assert (FITTED.score_samples(new) <= PLAIN.score_samples(new) + 1e-12).all()


def test_a_loaded_forest_scores_as_the_saved_one():
    forest = fitted(max_features=0.5)
    loaded = load_estimator(dump_estimator(forest), name="detector.skops")
    np.testing.assert_array_equal(loaded.score_samples(2 * X), forest.score_samples(2 * X))


@pytest.mark.parametrize("spoil", ["ranges", "columns"])
def test_a_tampered_forest_is_refused_before_it_is_walked(spoil):
    loaded = load_estimator(dump_estimator(fitted()), name="detector.skops")
    if spoil == "ranges":
        loaded.lows_ = loaded.lows_[1:]
    else:
        loaded.forest_.estimators_features_[3] = np.full(6, 10**6)
    with pytest.raises(ModelError, match=r"ranges|outside of the matrix"):
        loaded.score_samples(X)


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_a_single_distinct_row_is_learnt(rows):
    same = np.full((rows, 3), 2.0)
    assert np.isfinite(fitted(same).score_samples(np.vstack([same, [[9.0, 9.0, 9.0]]]))).all()


def test_constant_columns_change_no_order():
    wide = np.hstack([X, np.full((len(X), 2), 7.0)])
    scores = fitted(wide).score_samples(np.vstack([wide, wide[:1] + 20.0]))
    assert np.isfinite(scores).all()
    assert scores[-1] == scores.min()


FITTED, PLAIN = fitted(), plain()

"""What the isolation forest promises beyond the contract of all detectors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from oddwire.detection.detectors.isolation_forest import IsolationForestDetector

X = np.random.default_rng(0).normal(size=(400, 6))


def test_scores_are_those_of_scikit_learn():
    ours = IsolationForestDetector(n_estimators=40, max_samples=128, random_state=5).fit(X)
    theirs = IsolationForest(n_estimators=40, max_samples=128, random_state=5).fit(X)
    np.testing.assert_array_equal(ours.score_samples(X), theirs.score_samples(X))
    assert ours.offset_ == theirs.offset_


@pytest.mark.parametrize("rows", [7, 400])
def test_threads_change_no_bit_of_the_scores(rows):
    one = IsolationForestDetector(n_estimators=40, n_jobs=1, random_state=5).fit(X)
    two = IsolationForestDetector(n_estimators=40, n_jobs=2, random_state=5).fit(X)
    np.testing.assert_array_equal(one.score_samples(X[:rows]), two.score_samples(X[:rows]))


def test_more_samples_than_rows_takes_all_rows():
    # Warnings are errors here, and scikit-learn's forest would warn.
    few = IsolationForestDetector(n_estimators=5, max_samples=4096, random_state=0).fit(X)
    assert few.forest_.max_samples_ == len(X)


def test_a_small_share_of_columns_is_at_least_one():
    one = IsolationForestDetector(n_estimators=5, max_features=0.3, random_state=0).fit(X[:, :1])
    assert np.isfinite(one.score_samples(X[:, :1])).all()

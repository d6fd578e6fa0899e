"""Detectors of parts of the columns: how columns are split, and how the parts' scores combine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from oddwire.detection.detectors import build_detector
from oddwire.detection.detectors.subspaces import draw_subspaces
from oddwire.detection.persistence.estimators import dump_estimator, load_estimator
from oddwire.errors import ModelError, OddwireError, ParameterError

KINDS = ("one_class_svm", "nearest_neighbours", "local_outlier_factor")
COLUMNS = 12


def normal_rows(count: int = 300, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, COLUMNS))


def made(kind: str, folds: int = 4, **params):
    return build_detector(kind, {"column_folds": folds, **params}, random_state=0)


@given(st.integers(2, 6), st.data(), st.integers(0, 100))
def test_every_column_is_left_out_once(folds, data, seed):
    columns = data.draw(st.integers(2 * folds, 60))
    subspaces = draw_subspaces(columns, folds, np.random.RandomState(seed))
    left_out = [np.setdiff1d(np.arange(columns), seen) for seen in subspaces]
    assert len(subspaces) == folds
    assert sorted(np.concatenate(left_out)) == list(range(columns))
    for seen in subspaces:
        assert (np.diff(seen) > 0).all()  # in the columns' order, none twice


@pytest.mark.parametrize(("columns", "folds"), [(12, 0), (3, 2), (7, 4)])
def test_without_folds_or_with_few_columns_there_is_one_detector_of_all(columns, folds):
    assert draw_subspaces(columns, folds, np.random.RandomState(0)) == []


@pytest.mark.parametrize("folds", [-1, 1, 2.0, True, "2", None])
def test_a_wrong_number_of_folds_is_named(folds):
    with pytest.raises(ParameterError, match=f"column_folds must be 0 or .*, got {folds!r}"):
        draw_subspaces(12, folds, np.random.RandomState(0))


def test_a_number_of_folds_may_be_of_numpy():
    assert len(draw_subspaces(12, np.int64(3), np.random.RandomState(0))) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_score_is_the_mean_of_the_parts_log_scores(kind):
    detector, rows = made(kind).fit(normal_rows()), normal_rows(50, seed=1) * 2
    seen = zip(detector.parts_, detector.subspaces_, strict=True)
    alone = [part.log_score(part.score_samples(rows[:, columns])) for part, columns in seen]
    np.testing.assert_allclose(detector.score_samples(rows), np.mean(alone, axis=0))
    borders = [part.log_score(np.array([part.offset_])) for part in detector.parts_]
    assert detector.offset_ == pytest.approx(np.mean(borders))


def test_a_log_score_is_the_logarithm_in_a_unit_of_its_own():
    X = normal_rows()
    svm = made("one_class_svm", folds=0).fit(X)
    total = svm.weights_.sum()
    near, far = np.array([total / 2, total * 1e-10]), np.array([total * 1e-40, 0.0])
    np.testing.assert_allclose(svm.log_score(near), np.log([0.5, 1e-10]))
    bent = np.log(1e-12) - np.log1p(np.log(1e-12) - np.log([1e-40, 1e-304]))
    np.testing.assert_allclose(svm.log_score(far), bent)
    neighbours = made("nearest_neighbours", folds=0).fit(X)
    twice = np.array([2 * neighbours.offset_])
    np.testing.assert_allclose(neighbours.log_score(twice), -np.log(2.001))
    factor = made("local_outlier_factor", folds=0).fit(X)
    np.testing.assert_allclose(factor.log_score(np.array([-1.5])), -np.log(1.5))


@pytest.mark.parametrize("kind", KINDS)
def test_far_rows_keep_their_order(kind):
    """Alerts are ranked, and p-values told apart, among rows that are all far out."""
    detector = made(kind).fit(normal_rows())
    rows = np.linspace(3, 15, 60)[:, None] * np.ones((1, COLUMNS))
    assert (np.diff(detector.score_samples(rows)) < 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_new_combinations_of_known_values_are_better_told_from_anomalies(kind):
    """Why there are parts. Half of the columns follow one of ten patterns, half another ten."""
    random = np.random.default_rng(0)
    left, right = random.normal(size=(2, 10, 12))
    pairs = np.array([(i, j) for i in range(10) for j in range(10)])
    known = pairs.sum(axis=1) % 4 == 0

    def rows(allowed: np.ndarray, count: int) -> np.ndarray:
        i, j = allowed[random.integers(len(allowed), size=count)].T
        return np.hstack([left[i], right[j]]) + random.normal(scale=0.2, size=(count, 24))

    X = rows(pairs[known], 600)
    new = rows(pairs[~known], 300)
    anomalous = rows(pairs, 300) + random.normal(scale=0.8, size=(300, 24))
    labels, evaluated = np.repeat([0, 1], 300), np.vstack([new, anomalous])
    whole, parts = (
        roc_auc_score(labels, -made(kind, folds).fit(X).score_samples(evaluated))
        for folds in (0, 4)
    )
    assert parts > whole


@pytest.mark.parametrize("kind", KINDS)
def test_parts_have_seeds_of_their_own_and_no_parts(kind):
    detector = made(kind).fit(normal_rows())
    assert len({part.random_state for part in detector.parts_}) == len(detector.parts_) == 4
    assert not any(part.parts_ for part in detector.parts_)


@pytest.mark.parametrize(
    ("kind", "params"),
    [(kind, {}) for kind in KINDS] + [("one_class_svm", {"approximation": "nystroem"})],
)
@pytest.mark.parametrize(
    "X",
    [
        np.full((50, COLUMNS), 2.0),
        normal_rows(5),
        normal_rows(1),
        np.hstack([normal_rows(60)[:, :6], np.zeros((60, 6))]),
        np.repeat(normal_rows(20), 10, axis=0),
    ],
    ids=["all the same", "five rows", "one row", "constant columns", "repeated rows"],
)
def test_degenerate_training_rows_can_be_fitted(kind, params, X):
    detector = made(kind, **params).fit(X)
    assert len(detector.parts_) == 4
    far = detector.score_samples(np.full((1, COLUMNS), 1e6))
    scores = detector.score_samples(X)
    assert np.isfinite(scores).all()
    assert far < scores.min()


@pytest.mark.parametrize("kind", KINDS)
def test_a_refit_leaves_nothing_of_the_fit_before(kind):
    X, rows = normal_rows(), normal_rows(20, seed=1)
    changed = made(kind, folds=0).fit(X).set_params(column_folds=4).fit(X)
    fresh = made(kind).fit(X)
    assert set(vars(changed)) == set(vars(fresh))
    np.testing.assert_array_equal(changed.score_samples(rows), fresh.score_samples(rows))


def test_a_refit_that_fails_leaves_the_fit_before():
    X, rows = normal_rows(), normal_rows(20, seed=1)
    detector = made("one_class_svm").fit(X)
    before = detector.score_samples(rows)
    with pytest.raises(OddwireError):
        detector.set_params(approximation="fast", random_state=5).fit(X)
    np.testing.assert_array_equal(detector.score_samples(rows), before)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_change_no_score(kind, monkeypatch):
    detector = made(kind).fit(normal_rows())
    rows = normal_rows(20, seed=1)
    whole = detector.score_samples(rows)
    monkeypatch.setattr("oddwire.detection.detectors.subspaces._BLOCK_ROWS", 7)
    np.testing.assert_allclose(detector.score_samples(rows), whole, rtol=1e-9)


@pytest.mark.parametrize("where", ["parts_", "factors_"])
def test_a_damaged_tree_is_refused_however_deep_it_lies(where):
    forest = IsolationForest(n_estimators=3, random_state=0).fit(normal_rows())
    forest.estimators_[1].tree_.feature[0] = 10**6
    detector = made("local_outlier_factor").fit(normal_rows())
    holder = detector if where == "parts_" else detector.parts_[2]
    setattr(holder, where, [forest])
    with pytest.raises(ModelError, match="nodes lead outside"):
        load_estimator(dump_estimator(detector), name="detector.skops")


def test_nothing_is_scored_before_a_fit():
    with pytest.raises(NotFittedError):
        made("one_class_svm").score_samples(normal_rows(3))

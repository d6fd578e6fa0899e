"""Detectors of parts of the columns: how columns are dealt, and what the parts say together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from oddwire.detection.detectors import build_detector
from oddwire.detection.detectors.subspaces import deal_subspaces
from oddwire.errors import ParameterError

KINDS = ("one_class_svm", "nearest_neighbours", "local_outlier_factor")


def ordinary_rows(count: int = 600, columns: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, columns))


def fitted(kind: str, folds: int, X: np.ndarray):
    return build_detector(kind, {"detector__column_folds": folds}, random_state=0).fit(X)


@given(st.integers(2, 6), st.data(), st.integers(0, 100))
def test_every_column_is_left_out_once_a_deal(folds, data, seed):
    columns = data.draw(st.integers(2 * folds, 60))
    dealt = deal_subspaces(columns, folds, np.random.RandomState(seed))
    assert len(dealt) == 2 * folds
    for deal in (dealt[:folds], dealt[folds:]):
        left_out = [np.setdiff1d(np.arange(columns), seen) for seen in deal]
        assert sorted(np.concatenate(left_out)) == list(range(columns))
    for seen in dealt:
        assert (np.diff(seen) > 0).all()  # in the columns' order, none twice


@pytest.mark.parametrize(("columns", "folds"), [(12, 0), (3, 2), (5, 3)])
def test_without_folds_or_with_few_columns_there_is_one_detector_of_all(columns, folds):
    assert deal_subspaces(columns, folds, np.random.RandomState(0)) == []


@pytest.mark.parametrize("folds", [-1, 1, 2.0, True, "2", None])
def test_a_number_of_folds_that_is_none_is_named(folds):
    with pytest.raises(ParameterError, match=f"column_folds must be 0 or .*, got {folds!r}"):
        deal_subspaces(12, folds, np.random.RandomState(0))


@pytest.mark.parametrize("kind", KINDS)
def test_the_score_is_the_mean_of_what_the_parts_say_of_their_columns(kind):
    X = ordinary_rows()
    whole = fitted(kind, 2, X)
    rows = ordinary_rows(50, seed=1) * 2
    alone = [
        part.log_ordinary(part.score_samples(rows[:, seen]))
        for part, seen in zip(whole.parts_, whole.subspaces_, strict=True)
    ]
    np.testing.assert_allclose(whole.score_samples(rows), np.mean(alone, axis=0))


@pytest.mark.parametrize("kind", KINDS)
def test_new_combinations_of_what_is_known_are_better_told_from_what_is_odd(kind):
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
    odd = rows(pairs, 300) + random.normal(scale=0.8, size=(300, 24))
    labels, judged = np.repeat([0, 1], 300), np.vstack([new, odd])
    whole, parts = (
        roc_auc_score(labels, -fitted(kind, folds, X).score_samples(judged)) for folds in (0, 2)
    )
    assert parts > whole


@pytest.mark.parametrize("kind", KINDS)
def test_parts_have_seeds_of_their_own_and_no_parts(kind):
    detector = fitted(kind, 3, ordinary_rows())
    assert len(detector.parts_) == 6
    assert len({part.random_state for part in detector.parts_}) == 6
    assert not any(part.parts_ for part in detector.parts_)


@pytest.mark.parametrize("kind", KINDS)
def test_a_detector_from_before_there_were_parts_scores_as_it_did(kind):
    detector = fitted(kind, 0, ordinary_rows())
    rows = ordinary_rows(20, seed=1)
    before = detector.score_samples(rows)
    for name in ("column_folds", "parts_", "subspaces_"):  # what an old file does not hold
        del vars(detector)[name]
    np.testing.assert_array_equal(detector.score_samples(rows), before)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_change_no_score(kind, monkeypatch):
    detector = fitted(kind, 2, ordinary_rows())
    rows = ordinary_rows(100, seed=1)
    whole = detector.score_samples(rows)
    monkeypatch.setattr("oddwire.detection.detectors.subspaces._BLOCK_ROWS", 7)
    np.testing.assert_allclose(detector.score_samples(rows), whole, rtol=1e-9)

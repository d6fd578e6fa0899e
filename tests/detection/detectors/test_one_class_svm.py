"""What the one-class SVM promises beyond the contract of all detectors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics import roc_auc_score
from sklearn.svm import OneClassSVM

from oddwire.detection.detectors.one_class_svm import OneClassSVMDetector
from oddwire.errors import ParameterError


def normal_rows(count: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, columns))


@pytest.mark.parametrize("nu", [0.01, 0.5])
@pytest.mark.parametrize("gamma", [0.3, 10.0])
@pytest.mark.parametrize("columns", [1, 12, 300])
def test_matrix_products_equal_libsvm(nu, gamma, columns):
    X, other = normal_rows(500, columns), normal_rows(300, columns, seed=1) * 2 + 3
    ours = OneClassSVMDetector(nu=nu, gamma=gamma, random_state=0).fit(X)
    libsvm = OneClassSVM(nu=nu, gamma=ours.kernel_gamma_).fit(X)
    np.testing.assert_allclose(
        ours.score_samples(other), libsvm.score_samples(other), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(
        ours.decision_function(other), libsvm.decision_function(other), rtol=1e-9, atol=1e-9
    )


def test_far_from_the_origin_no_digits_are_lost():
    X = normal_rows(400, 5) + 1e4
    ours = OneClassSVMDetector(random_state=0).fit(X)
    distances = ((X[:, None, :] - ours.centers_[None, :, :]) ** 2).sum(axis=2)
    exact = np.exp(-ours.kernel_gamma_ * distances) @ ours.weights_
    np.testing.assert_allclose(ours.score_samples(X), exact, rtol=1e-9)


@pytest.mark.parametrize("columns", [5, 106])
def test_however_rows_are_cut_their_scores_are_the_same_to_the_last_bit(columns):
    X = normal_rows(900, columns)
    detector = OneClassSVMDetector(random_state=0).fit(X)
    whole = detector.score_samples(X)
    random = np.random.default_rng(0)
    for _ in range(10):
        cuts = np.sort(random.integers(0, len(X), 20))
        parts = [detector.score_samples(part) for part in np.split(X, cuts) if len(part)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_nystroem_folds_features_and_machine_into_one_weight_per_landmark(monkeypatch):
    seen = {}
    transform = Nystroem.transform

    def remember(self, X):
        seen["features"] = self
        return transform(self, X)

    monkeypatch.setattr(Nystroem, "transform", remember)
    X = normal_rows(500, 6)
    detector = OneClassSVMDetector(approximation="nystroem", n_components=50, random_state=0).fit(X)
    features = seen["features"]
    assert detector.centers_.shape == (50, 6)
    # The weights are normalization.T @ w: solve for w, and the linear machine gives the score.
    w = np.linalg.solve(features.normalization_.T, detector.weights_)
    np.testing.assert_allclose(
        detector.score_samples(X), transform(features, X) @ w, rtol=1e-6, atol=1e-9
    )


def test_nystroem_ranks_like_the_exact_machine():
    X = normal_rows(1500, 4)
    rows = np.vstack([normal_rows(300, 4, seed=1), normal_rows(100, 4, seed=2) * 4])
    labels = np.r_[np.zeros(300), np.ones(100)]
    areas = [
        roc_auc_score(
            labels,
            -OneClassSVMDetector(approximation=kind, nu=0.1, random_state=0)
            .fit(X)
            .score_samples(rows),
        )
        for kind in ("exact", "nystroem")
    ]
    assert areas[0] > 0.9
    assert areas[1] > areas[0] - 0.03


@pytest.mark.parametrize("approximation", ["exact", "nystroem"])
def test_repeated_rows_leave_enough_landmarks(approximation):
    X = np.repeat(normal_rows(20, 3), 40, axis=0)
    detector = OneClassSVMDetector(approximation=approximation, random_state=0).fit(X)
    assert np.isfinite(detector.score_samples(X)).all()
    assert len(np.unique(detector.centers_, axis=0)) > 1


def test_no_more_rows_than_allowed_are_used():
    X = normal_rows(900, 3)
    detector = OneClassSVMDetector(nu=0.95, max_rows=200, random_state=0).fit(X)
    assert 190 <= len(detector.centers_) <= 200  # nu is the least share of support vectors


@pytest.mark.parametrize("columns", [1, 10, 1000])
@pytest.mark.parametrize("stretch", [1e-3, 1e3])
def test_the_width_follows_units_and_number_of_columns(columns, stretch):
    """The kernel between a typical pair of near rows is the same in all units."""
    X, rows = normal_rows(400, columns), normal_rows(100, columns, seed=1)
    plain = OneClassSVMDetector(random_state=0).fit(X).score_samples(rows)
    scaled = OneClassSVMDetector(random_state=0).fit(X * stretch).score_samples(rows * stretch)
    np.testing.assert_allclose(scaled, plain, rtol=1e-3)
    assert plain.std() > 1e-3 * plain.mean()


def test_what_scoring_needs_is_plain_arrays_and_numbers():
    detector = OneClassSVMDetector(random_state=0).fit(normal_rows(100, 3))
    fitted = {key: value for key, value in vars(detector).items() if key.endswith("_")}
    assert fitted.pop("parts_") == fitted.pop("subspaces_") == []
    assert set(fitted) == {"centers_", "weights_", "kernel_gamma_", "offset_", "n_features_in_"}
    assert all(isinstance(value, np.ndarray | float | int) for value in fitted.values())
    assert fitted["centers_"].flags.c_contiguous


def test_an_unknown_approximation_is_named():
    with pytest.raises(ParameterError, match="exact or nystroem, got 'fast'"):
        OneClassSVMDetector(approximation="fast").fit(normal_rows(10, 2))

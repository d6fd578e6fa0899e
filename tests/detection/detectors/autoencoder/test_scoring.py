"""Scores are scaled errors with a cap, and the same for a row alone and among others."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from small_autoencoders import correlated_rows, reconstructed, small

from oddwire.detection.detectors.autoencoder.scoring import ERROR_CAP


def test_rows_off_the_plane_score_higher_than_rows_on_it(fitted):
    normal = correlated_rows(500, seed=1)
    anomalous = np.random.default_rng(2).permuted(
        normal, axis=0
    )  # each column alone looks the same
    labels = np.repeat([0, 1], 500)
    assert roc_auc_score(labels, -fitted.score_samples(np.vstack([normal, anomalous]))) > 0.97
    assert (fitted.predict(anomalous) == -1).mean() > 0.8
    assert (fitted.predict(normal) == -1).mean() < 0.05


def test_scores_have_not_collapsed(fitted):
    """A collapsed network reconstructs one row for all, or gives one score."""
    rows = correlated_rows(500, seed=1)
    scores = fitted.score_samples(rows)
    assert len(np.unique(scores)) == 500
    assert np.std(scores) / abs(np.mean(scores)) > 0.2
    for returned in reconstructed(fitted, rows):
        unexplained = ((returned - rows) ** 2).mean() / rows.var(axis=0).mean()
        assert unexplained < 0.3  # the mean row leaves all of it: 1


def scaled_errors(detector, rows):
    return ((reconstructed(detector, rows) - rows) / detector.error_scale_.numpy()[:, None]) ** 2


def test_the_score_is_the_mean_of_squared_scaled_errors_over_columns_and_networks(fitted):
    rows = correlated_rows(50, seed=3)
    errors = scaled_errors(fitted, rows)
    assert errors.shape == (fitted.n_networks, 50, 12)
    assert errors.max() < ERROR_CAP
    scores = fitted.score_samples(rows)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, -errors.mean(axis=(0, 2)), rtol=1e-4)


def test_beyond_the_cap_errors_count_by_their_logarithm(fitted):
    rows = correlated_rows(50, seed=3)
    rows[:, 4] += np.linspace(-30, 30, 50)
    errors, cap = scaled_errors(fitted, rows), ERROR_CAP
    assert (errors > cap).any()
    assert (errors < cap).any()
    tail = np.log1p(np.maximum(errors - cap, 0).sum(axis=2) / cap)
    expected = (np.minimum(errors, cap).sum(axis=2) + tail).mean(axis=0) / 12
    np.testing.assert_allclose(-fitted.score_samples(rows), expected, rtol=1e-4)


def test_without_scaling_every_column_counts_alike():
    rows = correlated_rows(100) * np.geomspace(1, 100, 12)
    scales = small(scale_errors=False).fit(rows).error_scale_
    assert (scales == scales[:, :1]).all()
    scales = small().fit(rows).error_scale_
    assert (scales.amax(dim=1) > 2 * scales.amin(dim=1)).all()


def test_more_networks_make_scores_depend_less_on_the_seed():
    rows, others = correlated_rows(200), correlated_rows(200, seed=1)

    def spread(networks):
        scores = [
            small(n_networks=networks, random_state=seed).fit(rows).score_samples(others)
            for seed in range(4)
        ]
        return np.std(np.log(-np.asarray(scores)), axis=0).mean()

    assert spread(8) < 0.7 * spread(1)


def test_networks_start_from_weights_of_their_own(fitted):
    weights = fitted.network_.encoder[0].weight
    assert len({tuple(one.flatten()[:5].tolist()) for one in weights}) == fitted.n_networks


def test_wild_values_give_finite_scores_and_do_not_ruin_training(fitted):
    wild = np.full((2, 12), 1e300)
    wild[1] = -1e9
    scores = fitted.score_samples(wild)
    assert np.isfinite(scores).all()
    assert scores.max() < fitted.score_samples(correlated_rows(500)).min()
    rows = correlated_rows(1000)
    rows[5] = 1e8
    detector = small(max_epochs=3).fit(rows)
    assert np.isfinite(detector.score_samples(rows)).all()


@pytest.mark.parametrize("columns", [1, 7, 12])
def test_one_row_scores_as_it_does_among_others(columns):
    detector = small(max_epochs=2, latent_size=5).fit(correlated_rows(300, columns))
    rows = correlated_rows(1500, columns, seed=4)
    together = detector.score_samples(rows)
    alone = np.concatenate([detector.score_samples(rows[[i]]) for i in (0, 701, 1499)])
    np.testing.assert_allclose(alone, together[[0, 701, 1499]], rtol=1e-9)
    np.testing.assert_allclose(detector.score_samples(rows[::-1]), together[::-1], rtol=1e-9)

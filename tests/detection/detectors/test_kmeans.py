"""What K-Means, and K-Means with autoencoders, promise beyond the contract."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from oddwire.detection.detectors import kmeans
from oddwire.detection.detectors.kmeans import KMeansDetector
from oddwire.detection.detectors.kmeans_autoencoder import KMeansAutoencoderDetector
from oddwire.errors import ModelError

QUICK = {"n_networks": 1, "max_epochs": 3, "min_rows": 50, "random_state": 0}


def blobs(*sizes: int, columns: int = 4, seed: int = 0) -> np.ndarray:
    """Groups of so many rows, the i-th around 20 i."""
    random = np.random.default_rng(seed)
    return np.vstack([random.normal(20.0 * i, 1, (size, columns)) for i, size in enumerate(sizes)])


# -- K-Means ------------------------------------------------------------------------------------


def test_the_score_is_the_distance_to_the_nearest_centre():
    X = blobs(100, 100, 100)
    detector = KMeansDetector(n_clusters=7, random_state=0).fit(X)
    assert detector.centers_.shape == (7, 4)
    far = cdist(X, detector.centers_)
    np.testing.assert_allclose(-detector.score_samples(X), far.min(axis=1), rtol=1e-9)
    np.testing.assert_array_equal(detector.assign_clusters(X), far.argmin(axis=1))


def test_scaled_distances_count_in_spreads_of_the_cluster():
    X = blobs(2_000, 2_000)
    X[2_000:] = 20 + (X[2_000:] - 20) * 5
    detector = KMeansDetector(n_clusters=2, scale_distances=True, random_state=0).fit(X)
    narrow, wide = np.sort(detector.spreads_)
    assert wide > 3 * narrow
    scores = -detector.score_samples(X)
    assert np.median(scores[:2_000]) == pytest.approx(np.median(scores[2_000:]), rel=0.2)
    scaled = cdist(X, detector.centers_) / detector.spreads_
    np.testing.assert_allclose(scores, scaled.min(axis=1), rtol=1e-9)


def test_far_from_the_origin_no_digits_are_lost():
    X = blobs(60, 60) + 1e6
    detector = KMeansDetector(n_clusters=4, random_state=0).fit(X)
    expected = cdist(X, detector.centers_).min(axis=1)
    np.testing.assert_allclose(-detector.score_samples(X), expected, rtol=1e-9)


def test_blocks_change_no_distance(monkeypatch):
    X = blobs(60, 60)
    detector = KMeansDetector(n_clusters=4, random_state=0).fit(X)
    whole = detector.score_samples(X)
    monkeypatch.setattr(kmeans, "_BLOCK_ROWS", 7)
    np.testing.assert_allclose(detector.score_samples(X), whole, rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 3, 12])
@pytest.mark.parametrize("columns", [1, 4])
def test_fewer_rows_than_clusters_have_fewer_centres(rows, columns):
    X = blobs(rows, columns=columns)
    detector = KMeansDetector(n_clusters=32, random_state=0).fit(X)
    assert len(detector.centers_) == max(1, rows // 5)
    assert np.isfinite(detector.score_samples(X)).all()


@pytest.mark.parametrize("scale", [False, True])
def test_beside_a_single_distinct_row_the_score_is_the_distance_to_it(scale):
    detector = KMeansDetector(scale_distances=scale, random_state=0).fit(np.full((40, 2), 3.0))
    np.testing.assert_allclose(detector.score_samples([[3.0, 3.0], [6.0, 7.0]]), [0.0, -5.0])
    assert detector.predict([[3.0, 3.0], [6.0, 7.0]]).tolist() == [1, -1]


@pytest.mark.parametrize("wrong", [{"n_clusters": 0}, {"max_rows": 0}, {"scale_distances": 2}])
def test_a_wrong_parameter_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        KMeansDetector(**wrong).fit(blobs(20))


# -- K-Means with autoencoders ------------------------------------------------------------------


@pytest.fixture(scope="module")
def hybrid() -> KMeansAutoencoderDetector:
    return scored("nearest")


def scored(by: str) -> KMeansAutoencoderDetector:
    detector = KMeansAutoencoderDetector(n_clusters=2, scored_by=by, **QUICK)
    return detector.fit(blobs(200, 200))


@pytest.fixture
def saved(hybrid, tmp_path):
    hybrid.save_weights(tmp_path / "hybrid")
    return tmp_path / "hybrid"


def test_each_group_has_networks_of_its_own(hybrid):
    groups = hybrid.assign_clusters(blobs(200, 200))
    assert len(hybrid.autoencoders_) == len(hybrid.centers_) == 2
    assert len(set(groups[:200])) == len(set(groups[200:])) == 1
    assert groups[0] != groups[-1]


def test_errors_of_the_groups_compare(hybrid):
    """A typical row of either group scores about 1, the median of rows held out."""
    scores = -hybrid.score_samples(blobs(200, 200, seed=1))
    assert 0.4 < np.median(scores[:200]) < 2.5
    assert 0.4 < np.median(scores[200:]) < 2.5


def test_a_row_is_scored_by_the_group_that_it_is_near(hybrid):
    X = blobs(5, 5, seed=2)
    for row, group in zip(X, hybrid.assign_clusters(X), strict=True):
        alone = hybrid.autoencoders_[group].score_samples(row[None]) / hybrid.scales_[group]
        np.testing.assert_allclose(hybrid.score_samples(row[None]), alone)


def test_a_row_can_be_scored_by_the_best_group_or_by_all(hybrid):
    X = blobs(20, 20, seed=2)
    errors = np.array(
        [
            -one.score_samples(X) / s
            for one, s in zip(hybrid.autoencoders_, hybrid.scales_, strict=True)
        ]
    )
    np.testing.assert_allclose(-scored("best").score_samples(X), errors.min(axis=0))
    np.testing.assert_allclose(-scored("all").score_samples(X), np.sqrt(errors.prod(axis=0)))


def test_a_wrong_way_of_scoring_is_named():
    with pytest.raises(ValueError, match="scored_by"):
        scored("none")


def test_a_small_group_gets_no_networks():
    detector = KMeansAutoencoderDetector(n_clusters=3, **QUICK).fit(blobs(150, 150, 20))
    rows = np.bincount(detector.assign_clusters(blobs(150, 150, 20)))
    assert len(detector.autoencoders_) == len(rows) == 2
    assert rows.min() >= QUICK["min_rows"]


def test_too_few_rows_for_any_group_are_one_group():
    detector = KMeansAutoencoderDetector(n_clusters=4, **QUICK).fit(blobs(12, 12))
    assert len(detector.autoencoders_) == 1


def test_loaded_networks_give_the_same_bits(hybrid, saved):
    X = blobs(50, 50, seed=3)
    loaded = KMeansAutoencoderDetector.load_weights(saved)
    np.testing.assert_array_equal(loaded.score_samples(X), hybrid.score_samples(X))
    np.testing.assert_array_equal(loaded.predict(X), hybrid.predict(X))
    assert loaded.get_params() == hybrid.get_params()


@pytest.mark.parametrize(
    ("key", "value"),
    [("scales", [1.0]), ("scales", [1.0, 0.0]), ("scales", "two"), ("offset", None),
     ("parameters", {"n_clusters": -1}), ("parameters", {"trees": 3})],
)  # fmt: skip
def test_altered_settings_are_refused(saved, key, value):
    file = saved / "kmeans_autoencoder.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    with pytest.raises(ModelError, match="is damaged"):
        KMeansAutoencoderDetector.load_weights(saved)


@pytest.mark.parametrize(
    "centers", [np.zeros((0, 4)), np.full((2, 4), np.nan), np.zeros(2), np.zeros((2, 3))]
)
def test_altered_centres_are_refused(saved, centers):
    np.save(saved / "centers.npy", centers)
    with pytest.raises(ModelError):
        KMeansAutoencoderDetector.load_weights(saved)


@pytest.mark.parametrize("gone", ["kmeans_autoencoder.json", "centers.npy", "group-1"])
def test_a_missing_part_is_named(saved, gone):
    path = saved / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ModelError, match=gone):
        KMeansAutoencoderDetector.load_weights(saved)

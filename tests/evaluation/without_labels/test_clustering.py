"""Indices of groups without labels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from oddwire.detection.detectors.kmeans import KMeansDetector
from oddwire.evaluation.without_labels.clustering import evaluate_clustering


class Given:
    """A detector that puts rows into given groups."""

    def __init__(self, groups: np.ndarray) -> None:
        self.groups = groups

    def assign_clusters(self, X: np.ndarray) -> np.ndarray:
        assert len(X) == len(self.groups)
        return self.groups


def blobs(apart: float, count: int = 300) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.normal(size=(count, 3)) + apart * (np.arange(count) % 3)[:, None]


def test_the_indices_are_scikit_learns():
    X = blobs(10.0)
    detector = KMeansDetector(n_clusters=3, random_state=0).fit(X)
    found = evaluate_clustering(detector, X)
    groups = detector.assign_clusters(X)
    assert (found.rows, found.clusters, found.silhouette_rows, found.reason) == (300, 3, 300, None)
    assert found.silhouette == pytest.approx(silhouette_score(X, groups))
    assert found.davies_bouldin == pytest.approx(davies_bouldin_score(X, groups))
    assert found.calinski_harabasz == pytest.approx(calinski_harabasz_score(X, groups))


def test_groups_far_apart_have_better_indices_than_near_ones():
    groups = Given(np.arange(300) % 3)
    near, far = (evaluate_clustering(groups, blobs(apart)) for apart in (1.0, 10.0))
    assert far.silhouette > near.silhouette
    assert far.davies_bouldin < near.davies_bouldin
    assert far.calinski_harabasz > near.calinski_harabasz


def test_the_silhouette_looks_at_a_sample_whose_size_is_stated():
    groups = Given(np.arange(3_000) % 3)
    found = evaluate_clustering(groups, blobs(10.0, 3_000), silhouette_rows=200)
    assert (found.rows, found.silhouette_rows) == (3_000, 200)
    whole = evaluate_clustering(groups, blobs(10.0, 3_000), silhouette_rows=3_000)
    assert found.silhouette == pytest.approx(whole.silhouette, abs=0.05)
    assert found == evaluate_clustering(groups, blobs(10.0, 3_000), silhouette_rows=200)


@pytest.mark.parametrize(
    ("groups", "reason"),
    [(np.zeros(6, int), "two clusters or more, and the 6 rows are in 1"),
     (np.arange(6), "more rows than clusters, got 6 rows in 6")],
)  # fmt: skip
def test_undefined_indices_say_why(groups, reason):
    found = evaluate_clustering(Given(groups), blobs(1.0, 6))
    assert reason in found.reason
    assert found.silhouette is found.davies_bouldin is found.calinski_harabasz is None


def test_a_sample_that_meets_one_cluster_leaves_the_silhouette_undefined():
    groups = np.zeros(500, int)
    groups[0] = 1
    found = evaluate_clustering(Given(groups), blobs(1.0, 500), silhouette_rows=3)
    assert found.silhouette is None
    assert found.reason.startswith("silhouette: ")
    assert found.davies_bouldin is not None


def test_all_can_be_written_as_json():
    found = evaluate_clustering(Given(np.arange(300) % 3), blobs(2.0))
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()

"""K-Means: what lies far from every cluster's centre is anomalous."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils._param_validation import Interval

from oddwire.detection.detectors.base import OutlierDetector, training_offset
from oddwire.detection.detectors.distances import distinct_rows, nearest, sample_rows
from oddwire.detection.search_space import Choice, IntRange, SearchSpace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from oddwire.detection.arrays import Matrix, Places, Vector

_ROWS_PER_CLUSTER = 5  # with fewer, rows would be their own centres, and none anomalous
_PRIOR_ROWS = 100  # rows of the average spread that are added to each cluster
_BLOCK_ROWS = 16_384


class KMeansDetector(OutlierDetector):
    """Distance to the nearest of k centres, if wanted relative to the spread of its cluster.

    Parameters
    ----------
    n_clusters
        Centres; one for every five distinct training rows where there are few.
    scale_distances
        Whether a distance is divided by its cluster's spread, the root mean square distance of the
        cluster's training rows, shrunk towards that of all rows where the cluster is small.
    max_rows
        Training rows used at most, a random sample where there are more.
    random_state
        Seed.

    Attributes
    ----------
    centers_ : ndarray of shape (clusters, columns)
        The centres.
    spreads_ : ndarray of shape (clusters,)
        What distances are divided by, above 0; all 1 without ``scale_distances``.
    offset_ : float
        Score below which ``predict`` returns -1.

    References
    ----------
    Arthur & Vassilvitskii 2007, *k-means++: the advantages of careful seeding*.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> KMeansDetector(n_clusters=4, random_state=0).fit(rows).predict([[0.0, 0.0], [9.0, 9.0]])
    array([ 1, -1])
    """

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(
            ("quantile_normal", "quantile_uniform", "log_standard", "standard")
        ),
        # Ranks within the group too, as by default: docs/decisions/0009 has what that gains.
        "preprocessing__relative_to": Choice(("group", "both", "all")),
        "preprocessing__max_categories": Choice((4, 16, 64)),
        "detector__n_clusters": IntRange(8, 256, log=True),
        "detector__scale_distances": Choice((False, True)),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "preprocessing__transform": "quantile_uniform",
        "preprocessing__relative_to": "both",
        "preprocessing__max_categories": 16,
        "detector__n_clusters": 64,
        "detector__scale_distances": False,
    }

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "scale_distances": ["boolean"],
        "max_rows": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        n_clusters: int = 64,
        scale_distances: bool = False,
        max_rows: int = 20_000,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.scale_distances = scale_distances
        self.max_rows = max_rows
        self.random_state = random_state

    def _fit(self, X: Matrix, random: np.random.RandomState) -> None:
        rows = sample_rows(X, self.max_rows, random)
        self.centers_ = find_centers(rows, self.n_clusters, random)
        self.spreads_ = np.ones(len(self.centers_))
        if self.scale_distances:
            distances, places = nearest(rows, self.centers_, 1)
            self.spreads_ = _spreads(distances[:, 0], places[:, 0], len(self.centers_))
        self.offset_ = training_offset(self._score(rows))

    def assign_clusters(self, X: ArrayLike) -> Places:
        """Return each row's cluster, the place of its centre in ``centers_``: shape (rows,)."""
        return self._nearest(self._checked(X))[1]

    def _score(self, X: Matrix) -> Vector:
        """Return the negative distance to the nearest centre."""
        return -self._nearest(X)[0]

    def _nearest(self, matrix: Matrix) -> tuple[Vector, Places]:
        distances = np.empty(len(matrix))
        places = np.empty(len(matrix), dtype=np.int64)
        # Distances by products lose digits far from the origin.
        origin = self.centers_.mean(axis=0)
        for start in range(0, len(matrix), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            far = euclidean_distances(matrix[block] - origin, self.centers_ - origin)
            places[block] = (far / self.spreads_).argmin(axis=1)
            # Products find the centre; the distance to it is computed anew from differences.
            apart = matrix[block] - self.centers_[places[block]]
            distances[block] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
        return distances / self.spreads_[places], places


def find_centers(X: Matrix, clusters: int, random: np.random.RandomState) -> Matrix:
    """Return the centres of K-Means, fewer than asked for where distinct rows are few.

    Parameters
    ----------
    X
        Matrix of shape (rows, columns).
    clusters
        Centres asked for.
    random
        Draws the initial ones.
    """
    from threadpoolctl import threadpool_limits

    distinct = len(distinct_rows(X, _ROWS_PER_CLUSTER * clusters, random))
    count = min(clusters, max(1, distinct // _ROWS_PER_CLUSTER))
    # Threads would add up in any order, and the centres would not repeat.
    with threadpool_limits(1):
        found = KMeans(count, n_init=1, random_state=random).fit(X)
    centers: Matrix = found.cluster_centers_
    return centers


def nearest_places(matrix: Matrix, centers: Matrix) -> Places:
    """Return the place of each row's nearest centre, shape (rows,)."""
    return nearest(matrix, centers, 1)[1][:, 0]


def large_groups(centers: Matrix, matrix: Matrix, min_rows: int) -> Matrix:
    """Drop the smallest group until all that are left, or the last one, are large enough."""
    while len(centers) > 1:
        rows = np.bincount(nearest_places(matrix, centers), minlength=len(centers))
        if rows.min() >= min_rows:
            break
        centers = np.delete(centers, rows.argmin(), axis=0)
    return centers


def _spreads(distances: Vector, places: Places, clusters: int) -> Vector:
    squares = distances**2
    mean = squares.mean()
    sums = np.bincount(places, squares, minlength=clusters) + _PRIOR_ROWS * mean
    spreads = np.sqrt(sums / (np.bincount(places, minlength=clusters) + _PRIOR_ROWS))
    return spreads if mean > 0 else np.ones(clusters)

"""Nearest neighbours: what lies far from every training row is anomalous."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from oddwire.detection.detectors.base import training_offset
from oddwire.detection.detectors.distances import distinct_rows, nearest
from oddwire.detection.detectors.subspaces import SubspaceDetector
from oddwire.detection.search_space import Choice, IntRange, SearchSpace, relative_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.detection.arrays import Matrix, Vector

_ROWS_FOR_OFFSET = 2_000
_LEAST_DISTANCE = 1e-3  # of the offset: a repeat of a training row is this near


class NearestNeighboursDetector(SubspaceDetector):
    """Distance to the nearest of the distinct training rows, which are kept up to a limit.

    Parameters
    ----------
    n_neighbors
        Neighbours that count; all that are kept where there are fewer.
    distance
        ``mean`` of the distances to them, or the ``largest``.
    max_rows
        Training rows kept at most, a random sample of distinct ones where there are more. A row is
        compared with all of them. A part of the columns keeps half as many.
    column_folds
        0 for neighbours in all columns; otherwise the columns are split at random into that many
        folds, and neighbours are found without each of them, among rows kept for that.
    random_state
        Seed of the samples and of the folds.

    Attributes
    ----------
    parts_, subspaces_ : list
        Detectors of parts of the columns, and the columns that they see.
    rows_ : ndarray of shape (kept, columns)
        Distinct training rows; only without parts.
    offset_ : float
        Score below which ``predict`` returns -1.

    References
    ----------
    Ramaswamy, Rastogi & Shim 2000, *Efficient algorithms for mining outliers from large data sets*
    (the largest). Angiulli & Pizzuti 2002, *Fast outlier detection in high dimensional spaces* (the
    mean).

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> NearestNeighboursDetector(random_state=0).fit(rows).predict([[0.0, 0.0], [9.0, 9.0]])
    array([ 1, -1])
    """

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(
            ("log_standard", "quantile_normal", "quantile_uniform", "standard")
        ),
        "preprocessing__relative_to": relative_to("group", "both", "all"),
        "preprocessing__max_categories": Choice((4, 16, 64)),
        "detector__n_neighbors": IntRange(1, 20, log=True),
        "detector__distance": Choice(("mean", "largest")),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "preprocessing__transform": "log_standard",
        "preprocessing__relative_to": "group",
        "preprocessing__max_categories": 16,
        "detector__n_neighbors": 2,
        "detector__distance": "mean",
        "detector__column_folds": 4,
    }

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "distance": [StrOptions({"mean", "largest"})],
        "max_rows": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        n_neighbors: int = 2,
        distance: Literal["mean", "largest"] = "mean",
        max_rows: int = 10_000,
        column_folds: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.distance = distance
        self.max_rows = max_rows
        self.column_folds = column_folds
        self.random_state = random_state

    def _fit_whole(self, X: Matrix, random: np.random.RandomState) -> None:
        self.rows_ = distinct_rows(X, self.max_rows, random)
        rows = self.rows_[:: -(-len(self.rows_) // _ROWS_FOR_OFFSET)]
        self.offset_ = training_offset(self._score_whole(rows))
        if self.offset_ == 0 and len(self.rows_) > 1:
            # Each row is its own only neighbour, and any new row would be anomalous: take the next.
            self.offset_ = training_offset(-nearest(rows, self.rows_, 2)[0][:, 1])

    def _smaller(self) -> dict[str, Any]:
        return {"max_rows": max(1, self.max_rows // 2)}

    def log_score(self, scores: Vector) -> Vector:
        """Return the negative logarithm of the distance in units of the offset, and a little."""
        # The offset is 0 where there is one row only.
        return -np.log(scores / (self.offset_ or -1.0) + _LEAST_DISTANCE)

    def _score_whole(self, X: Matrix) -> Vector:
        """Return the negative distance, 0 for a row that is among those kept and its neighbours."""
        count = min(self.n_neighbors, len(self.rows_))
        distances, _ = nearest(X, self.rows_, count)
        return -(distances.mean(axis=1) if self.distance == "mean" else distances[:, -1])

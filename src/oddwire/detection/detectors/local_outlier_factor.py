"""Local outlier factor: what lies in a sparser region than its neighbours is anomalous."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.neighbors import LocalOutlierFactor
from sklearn.utils._param_validation import Interval

from oddwire.detection.detectors.distances import distinct_rows, nearest, sample_rows
from oddwire.detection.detectors.subspaces import SubspaceDetector
from oddwire.detection.search_space import Choice, IntRange, SearchSpace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.detection.arrays import Matrix, Vector

_ROWS_PER_NEIGHBOUR = 4  # with fewer rows all would be neighbours of all
_FEWEST_ROWS = 3  # with fewer there is nothing to be denser than
_OFFSET = -1.5
_BLOCK_ROWS = 16_384


class LocalOutlierFactorDetector(SubspaceDetector):
    """The mean of scikit-learn's `LocalOutlierFactor` over small samples of distinct rows.

    Equal training rows would have an infinite density, so that all rows near them look anomalous:
    one of them is kept. Small samples reach further than the next near repeat, and cost less than
    one large one. With fewer than three distinct rows there is no density, and a row's factor is 1
    plus its distance to the nearest of them.

    Parameters
    ----------
    n_neighbors
        Neighbours that a row's density is estimated from; a quarter of the sample if that is less.
    n_samples
        Samples; one where all distinct rows fit into it. A part of the columns has a third.
    max_rows
        Rows of a sample.
    column_folds
        0 for densities in all columns; otherwise the columns are split at random into that many
        folds, and densities are estimated without each of them, from samples of its own.
    random_state
        Seed of the samples and of the folds.

    Attributes
    ----------
    parts_, subspaces_ : list
        Detectors of parts of the columns, and the columns that they see.
    rows_ : ndarray of shape (kept, columns)
        Distinct training rows that the samples are drawn from; only without parts.
    factors_ : list of LocalOutlierFactor
        One fitted to each sample; none with fewer than three distinct rows.
    offset_ : float
        Score below which ``predict`` returns -1: -1.5, as in scikit-learn, or with parts its
        logarithm.

    References
    ----------
    Breunig, Kriegel, Ng & Sander 2000, *LOF: identifying density-based local outliers*. Zimek,
    Gaudet, Campello & Sander 2013, *Subsampling for efficient and effective unsupervised outlier
    detection ensembles*.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> LocalOutlierFactorDetector(random_state=0).fit(rows).predict([[0.0, 0.0], [9.0, 9.0]])
    array([ 1, -1])
    """

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(
            ("quantile_uniform", "quantile_normal", "log_standard", "standard")
        ),
        # Ranks within the group too, as by default: docs/decisions/0009 has what that gains.
        "preprocessing__relative_to": Choice(("group", "both", "all")),
        "preprocessing__max_categories": Choice((4, 16, 64)),
        "detector__n_neighbors": IntRange(3, 100, log=True),
        "detector__max_rows": IntRange(128, 2_048, log=True),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "preprocessing__transform": "quantile_uniform",
        "preprocessing__relative_to": "group",
        "preprocessing__max_categories": 16,
        "detector__n_neighbors": 10,
        "detector__max_rows": 512,
        "detector__column_folds": 4,
    }

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "max_rows": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        n_neighbors: int = 10,
        n_samples: int = 10,
        max_rows: int = 512,
        column_folds: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.n_samples = n_samples
        self.max_rows = max_rows
        self.column_folds = column_folds
        self.random_state = random_state

    def _fit_whole(self, X: Matrix, random: np.random.RandomState) -> None:
        self.rows_ = distinct_rows(X, self.n_samples * self.max_rows, random)
        samples = self.n_samples if len(self.rows_) > self.max_rows else 1
        drawn = [sample_rows(self.rows_, self.max_rows, random) for _ in range(samples)]
        self.factors_ = [self._fit_factor(rows) for rows in drawn if len(rows) >= _FEWEST_ROWS]
        self.offset_ = _OFFSET

    def _fit_factor(self, rows: Matrix) -> LocalOutlierFactor:
        count = min(self.n_neighbors, max(1, len(rows) // _ROWS_PER_NEIGHBOUR))
        factor = LocalOutlierFactor(n_neighbors=count, algorithm="brute", novelty=True)
        with warnings.catch_warnings():
            # Rows that are almost equal are really dense, which is no error.
            warnings.filterwarnings("ignore", message="Duplicate values", category=UserWarning)
            return factor.fit(rows)

    def _smaller(self) -> dict[str, Any]:
        return {"n_samples": max(1, self.n_samples // 3)}

    def log_score(self, scores: Vector) -> Vector:
        """Return the negative logarithm of the factor."""
        return -np.log(-scores)

    def _score_whole(self, X: Matrix) -> Vector:
        """Return the negative geometric mean of the factors: about -1 where density is uniform."""
        if not self.factors_:
            return -1.0 - nearest(X, self.rows_, 1)[0][:, 0]
        scores = np.empty(len(X))
        for start in range(0, len(X), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            factors = [-factor.score_samples(X[block]) for factor in self.factors_]
            scores[block] = -np.exp(np.mean(np.log(factors), axis=0))
        return scores

"""Local outlier factor: what lies sparser than its neighbours is odd."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.neighbors import LocalOutlierFactor
from sklearn.utils._param_validation import Interval

from oddwire.detection.detectors.distances import distinct_rows, nearest, sample_rows
from oddwire.detection.detectors.subspaces import SubspaceDetector
from oddwire.detection.search_space import (
    CATEGORY_WEIGHT,
    Choice,
    IntRange,
    SearchSpace,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]

_ROWS_PER_NEIGHBOUR = 4  # with fewer rows all would be neighbours of all
_FEWEST_ROWS = 3  # with fewer there is nothing to be denser than
_OFFSET = -1.5
_BLOCK_ROWS = 16_384


class LocalOutlierFactorDetector(SubspaceDetector):
    """The mean of scikit-learn's `LocalOutlierFactor` over small samples of different rows.

    Equal training rows would have an infinite density, so that all beside them looks odd: one of
    them is kept. Small samples reach further than the next near repeat, and cost less than one
    large one. Where fewer than three rows differ, no density can be told, and a row's factor is 1
    and its distance to the nearest of them.

    Parameters
    ----------
    n_neighbors
        Neighbours that a row's density is told from; a quarter of the sample where that is less.
    n_samples
        Samples; one where all different rows fit into it. A part of the columns has a third.
    max_rows
        Rows of a sample.
    column_folds
        0 for densities in all columns; otherwise the columns are dealt at random into so many
        folds, and densities are told without each of them, from samples of its own.
    random_state
        Seed of the samples and of the folds.

    Attributes
    ----------
    parts_, subspaces_ : list
        Detectors of parts of the columns, and which columns they see.
    rows_ : ndarray of shape (kept, columns)
        Training rows that the samples are drawn from, no two equal, of one detector of all columns.
    factors_ : list of LocalOutlierFactor
        One fitted to each sample; none where different rows are fewer than three.
    offset_ : float
        Score below which ``predict`` says -1: -1.5, as scikit-learn has it, or with parts its
        logarithm.

    References
    ----------
    Breunig, Kriegel, Ng & Sander 2000, *LOF: identifying density-based local outliers*. Zimek,
    Gaudet, Campello & Sander 2013, *Subsampling for efficient and effective unsupervised outlier
    detection ensembles*.
    """

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(
            ("quantile_uniform", "quantile_normal", "log_standard", "standard")
        ),
        # Ranks beside the group too, as by default: docs/decisions/0009 has what that brings.
        "preprocessing__relative_to": Choice(("group", "both", "all")),
        "preprocessing__category_weight": CATEGORY_WEIGHT,
        "preprocessing__max_categories": Choice((4, 16, 64)),
        "detector__n_neighbors": IntRange(3, 100, log=True),
        "detector__max_rows": IntRange(128, 2_048, log=True),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "preprocessing__transform": "quantile_uniform",
        "preprocessing__relative_to": "group",
        "preprocessing__category_weight": 1.0,
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
            # Rows that are all but equal are dense indeed: not an error, as equal ones are.
            warnings.filterwarnings("ignore", message="Duplicate values", category=UserWarning)
            return factor.fit(rows)

    def _smaller(self) -> dict[str, Any]:
        return {"n_samples": max(1, self.n_samples // 3)}

    def log_ordinary(self, scores: Vector) -> Vector:
        """Return the negative logarithm of the factor."""
        return -np.log(-scores)

    def _score_whole(self, X: Matrix) -> Vector:
        """Return the negative geometric mean of the factors: about -1 where density is even."""
        if not self.factors_:
            return -1.0 - nearest(X, self.rows_, 1)[0][:, 0]
        scores = np.empty(len(X))
        for start in range(0, len(X), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            factors = [-factor.score_samples(X[block]) for factor in self.factors_]
            scores[block] = -np.exp(np.mean(np.log(factors), axis=0))
        return scores

"""Isolation Forest: what few random cuts set apart is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.ensemble import IsolationForest
from sklearn.utils.validation import check_is_fitted, validate_data

from oddwire.detection.detectors.base import OutlierDetector
from oddwire.detection.search_space import Choice, FloatRange, IntRange, SearchSpace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

_BLOCK_ROWS = 16_384


class IsolationForestDetector(OutlierDetector):
    """scikit-learn's `IsolationForest` within the detectors' contract.

    It takes any number of training rows, however few, without a warning, and its scores do not
    depend on `n_jobs` to the last bit: threads share the rows, where scikit-learn's share the trees
    and add up their depths in the order in which they happen to finish.

    Parameters
    ----------
    n_estimators
        Trees.
    max_samples
        Training rows per tree; all where there are fewer.
    max_features
        Share of the columns that a tree sees, above 0 and up to 1.
    n_jobs
        Threads, for fitting and scoring; None is one.
    random_state
        Seed.

    Attributes
    ----------
    forest_ : IsolationForest
        The fitted trees.
    offset_ : float
        Score below which `predict` says -1: -0.5, the score of an average row (Liu, Ting & Zhou
        2008, *Isolation Forest*).

    References
    ----------
    Liu, Ting & Zhou 2008, *Isolation Forest*, ICDM.
    """

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(("quantile_uniform", "quantile_normal", "log_standard")),
        "preprocessing__max_categories": Choice((4, 16, 64)),
        "detector__n_estimators": IntRange(100, 400),
        "detector__max_samples": IntRange(512, 4096, log=True),
        "detector__max_features": FloatRange(0.3, 1.0),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "preprocessing__transform": "quantile_normal",
        "preprocessing__max_categories": 16,
        "detector__n_estimators": 300,
        "detector__max_samples": 2048,
        "detector__max_features": 1.0,
    }

    def __init__(
        self,
        *,
        n_estimators: int = 300,
        max_samples: int = 1024,
        max_features: float = 1.0,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.max_features = max_features
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Grow the trees.

        Parameters
        ----------
        X
            Matrix of shape (rows, columns).
        y
            Ignored.
        """
        del y
        matrix: Matrix = validate_data(self, X, dtype=np.float64)
        self.forest_ = IsolationForest(
            n_estimators=self.n_estimators,
            max_samples=min(self.max_samples, len(matrix)),
            max_features=self.max_features,
            n_jobs=self.n_jobs,
            random_state=self.random_state,
        ).fit(matrix)
        self.offset_ = float(self.forest_.offset_)
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the negative of the paper's anomaly score, from -1 (odd) to 0.

        Parameters
        ----------
        X
            Matrix of shape (rows, columns).

        Returns
        -------
        ndarray of float64 of shape (rows,)
        """
        check_is_fitted(self)
        matrix: Matrix = validate_data(self, X, dtype=np.float64, reset=False)
        rows = max(1, min(_BLOCK_ROWS, -(-len(matrix) // effective_n_jobs(self.n_jobs))))
        scores = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self.forest_.score_samples)(matrix[start : start + rows])
            for start in range(0, len(matrix), rows)
        )
        return np.concatenate(scores)

"""What all detectors share of scikit-learn's contract for outlier estimators."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class OutlierDetector(OutlierMixin, BaseEstimator):
    """An outlier estimator that says how ordinary rows are; the rest follows from that.

    A detector fits, sets ``offset_``, and gives `score_samples`.
    """

    offset_: float

    @abstractmethod
    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how ordinary rows are: float64 of shape (rows,), higher is more ordinary."""

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return ``score_samples(X) - offset_``: below 0 is odd.

        Parameters
        ----------
        X
            Matrix of shape (rows, columns).
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return +1 for an ordinary row, -1 for an odd one.

        Parameters
        ----------
        X
            Matrix of shape (rows, columns).
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _checked(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return rows to be scored as a matrix in C order, of the columns seen in fitting."""
        check_is_fitted(self)
        matrix: NDArray[np.float64] = validate_data(
            self, X, dtype=np.float64, order="C", reset=False
        )
        return matrix

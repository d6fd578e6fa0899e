"""What all detectors share of scikit-learn's contract for outlier estimators."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

# The share of training rows below ``offset_`` where the algorithm itself has no such border. Alerts
# do not depend on it: they follow from the calibration.
TRAINING_OUTLIERS = 0.01


class OutlierDetector(OutlierMixin, BaseEstimator):
    """An outlier estimator that scores rows; the decision and the prediction follow from that.

    A subclass implements ``fit``, which sets ``offset_``, and `score_samples`.
    """

    offset_: float

    @abstractmethod
    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the normality of rows: float64 of shape (rows,), higher = more normal."""

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return ``score_samples(X) - offset_``, of shape (rows,): below 0 is anomalous.

        Parameters
        ----------
        X
            Matrix of shape (rows, columns).
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return +1 for a normal row and -1 for an anomalous one, of shape (rows,).

        Parameters
        ----------
        X
            Matrix of shape (rows, columns).
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _checked(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return rows to score as a matrix in C order, with the columns seen in `fit`."""
        check_is_fitted(self)
        matrix: NDArray[np.float64] = validate_data(
            self, X, dtype=np.float64, order="C", reset=False
        )
        return matrix


def training_offset(scores: NDArray[np.float64]) -> float:
    """Return the score that `TRAINING_OUTLIERS` of the training rows lie below.

    Parameters
    ----------
    scores
        What ``score_samples`` gives for training rows, of shape (rows,).
    """
    return float(np.quantile(scores, TRAINING_OUTLIERS))


def saved_parameters(detector: BaseEstimator) -> dict[str, Any]:
    """Return a detector's parameters as JSON can hold them.

    A ``random_state`` that is not a number cannot be kept, and becomes None.
    """
    parameters = detector.get_params()
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in parameters.items()
    }

"""What all detectors share of scikit-learn's contract for outlier estimators."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from oddwire.detection.arrays import Matrix, Vector

# The share of training rows below ``offset_`` where the algorithm itself has no such border. Alerts
# do not depend on it: they follow from the calibration.
TRAINING_OUTLIERS = 0.01


class OutlierDetector(OutlierMixin, BaseEstimator):
    """An outlier estimator that scores rows; the decision and the prediction follow from that.

    A subclass implements `_fit`, or `fit` itself, and `_score`.
    """

    _finite: ClassVar[bool] = True  # whether neither NaN nor infinity may be among the numbers

    offset_: float
    random_state: int | np.random.RandomState | None

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn what is normal.

        Parameters
        ----------
        X
            Numbers of shape (rows, columns).
        y
            Ignored.
        """
        del y
        self._validate_params()
        self._fit(self._checked(X, reset=True), check_random_state(self.random_state))
        return self

    def _fit(self, X: Matrix, random: np.random.RandomState) -> None:
        """Learn from checked rows; sets ``offset_``."""
        raise NotImplementedError

    def score_samples(self, X: ArrayLike) -> Vector:
        """Return the normality of rows: float64 of shape (rows,), higher = more normal.

        Parameters
        ----------
        X
            Numbers of shape (rows, columns).
        """
        return self._score(self._checked(X))

    @abstractmethod
    def _score(self, X: Matrix) -> Vector:
        """Return the normality of checked rows."""

    def decision_function(self, X: ArrayLike) -> Vector:
        """Return ``score_samples(X) - offset_``, of shape (rows,): below 0 is anomalous."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return +1 for a normal row and -1 for an anomalous one, of shape (rows,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _checked(self, X: ArrayLike, *, reset: bool = False) -> Matrix:
        """Return rows as a matrix in C order; to score, with the columns seen in `fit`."""
        if not reset:
            check_is_fitted(self)
        matrix: Matrix = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite=self._finite, reset=reset
        )
        return matrix


def training_offset(scores: Vector) -> float:
    """Return the score that `TRAINING_OUTLIERS` of the training rows lie below.

    Parameters
    ----------
    scores
        What ``score_samples`` gives for training rows, of shape (rows,).
    """
    return float(np.quantile(scores, TRAINING_OUTLIERS))


def saved_parameters(detector: BaseEstimator) -> dict[str, Any]:
    """Return a detector's parameters for `dump_json`.

    A ``random_state`` that is not a number cannot be kept, and becomes None.
    """
    parameters: dict[str, Any] = detector.get_params()
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None
    return parameters

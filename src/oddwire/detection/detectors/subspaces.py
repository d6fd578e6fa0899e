"""Detectors of parts of the columns: a new combination of known values is not anomalous.

Normal rows that training has not seen are often new combinations: near one training row in some
columns, near another in the rest. A detector of all columns finds none that is near; those of parts
do. By the geometric mean of their scores a row stays anomalous that is so in most parts.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from oddwire.detection.arrays import Matrix, Places, Vector
from oddwire.detection.detectors.base import OutlierDetector
from oddwire.errors import ParameterError

_COLUMNS_PER_FOLD = 2  # with fewer columns than that there are no parts
_SEEDS = 2**31 - 1
_BLOCK_ROWS = 4096  # that many rows of a part fit into the processor's cache


class SubspaceDetector(OutlierDetector):
    """A detector that can also combine detectors of its kind, each of a part of the columns.

    A subclass implements `_fit_whole`, `_score_whole` and `log_score`, and has the parameter
    ``column_folds``: 0 for one detector of all columns; otherwise the columns are split at random
    into that many folds, and each detector leaves out one fold. With fewer than two columns per
    fold there is one detector of all.

    Attributes
    ----------
    parts_ : list
        The fitted detectors of parts of the columns; empty where one has all.
    subspaces_ : list of ndarray of shape (columns of the part,)
        The columns that each of them sees.
    offset_ : float
        Score below which ``predict`` returns -1; with parts, that of a row on the border of each.

    References
    ----------
    Lazarevic & Kumar 2005, *Feature bagging for outlier detection*.
    """

    parts_: Sequence[SubspaceDetector]
    subspaces_: Sequence[Places]
    column_folds: int

    def _fit(self, X: Matrix, random: np.random.RandomState) -> None:
        """Fit to all columns, or to each part of them.

        Raises
        ------
        ParameterError
            If ``column_folds`` is neither 0 nor a whole number from 2 on.
        """
        subspaces = draw_subspaces(X.shape[1], self.column_folds, random)
        parts = [self._part(random).fit(X[:, seen]) for seen in subspaces]
        self._forget()
        self.n_features_in_ = X.shape[1]
        if parts:
            borders = [part.log_score(np.array([part.offset_]))[0] for part in parts]
            self.offset_ = float(np.mean(borders))
        else:
            self._fit_whole(X, random)
        self.parts_, self.subspaces_ = parts, subspaces

    def _part(self, random: np.random.RandomState) -> Self:
        part: Self = clone(self).set_params(
            column_folds=0, random_state=random.randint(_SEEDS), **self._smaller()
        )
        return part

    def _smaller(self) -> Mapping[str, Any]:
        """Return the parameters that a part changes so that all parts cost about one detector."""
        return {}

    def _forget(self) -> None:
        """Drop what an earlier fit left: with and without parts the attributes differ."""
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def _score(self, X: Matrix) -> Vector:
        """Return the normality of rows; with parts, the mean of their `log_score`."""
        if not self.parts_:
            return self._score_whole(X)
        scores = np.zeros(len(X))
        for start in range(0, len(X), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            for part, seen in zip(self.parts_, self.subspaces_, strict=True):
                columns = np.take(X[block], seen, axis=1)
                scores[block] += part.log_score(part.score_samples(columns))
        return scores / len(self.parts_)

    @abstractmethod
    def _fit_whole(self, X: Matrix, random: np.random.RandomState) -> None:
        """Fit one detector to all columns, ``offset_`` included."""

    @abstractmethod
    def _score_whole(self, X: Matrix) -> Vector:
        """Return the normality of rows by one detector of all columns."""

    @abstractmethod
    def log_score(self, scores: Vector) -> Vector:
        """Return logarithms of finite scores in a unit that parts share; higher = more normal."""


def draw_subspaces(columns: int, folds: int, random: np.random.RandomState) -> list[Places]:
    """Split columns at random into folds; return the columns outside of each, in their order.

    Parameters
    ----------
    columns
        How many there are.
    folds
        How many; 0 for none.
    random
        Source of randomness.

    Raises
    ------
    ParameterError
        If ``folds`` is neither 0 nor a whole number from 2 on.
    """
    whole = isinstance(folds, int | np.integer) and not isinstance(folds, bool)
    if not whole or folds < 0 or folds == 1:
        raise ParameterError(f"column_folds must be 0 or a whole number from 2 on, got {folds!r}")
    if columns < _COLUMNS_PER_FOLD * folds or folds == 0:
        return []
    folded = np.array_split(random.permutation(columns), folds)
    return [np.setdiff1d(np.arange(columns), left_out) for left_out in folded]

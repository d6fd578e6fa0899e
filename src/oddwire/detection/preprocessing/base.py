"""What both preprocessings of a frame share: their columns, and the categories they know."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from oddwire.detection.preprocessing.columns import frequent_categories
from oddwire.errors import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from oddwire.detection.arrays import Matrix


class FramePreprocessing(TransformerMixin, BaseEstimator):
    """Makes a matrix of the columns of a frame that it is told of; learns their categories.

    A subclass implements `_fit_columns` and `_matrix`.
    """

    numeric: Sequence[str]
    categorical: Sequence[str]
    max_categories: int
    columns: Sequence[str] | None
    feature_names_out_: list[str]
    source_columns_: list[str]

    @property
    def chosen(self) -> tuple[list[str], list[str]]:
        """The columns that are used: of numbers, of strings."""
        numeric, categorical = (
            [name for name in names if self.columns is None or name in self.columns]
            for names in (self.numeric, self.categorical)
        )
        return numeric, categorical

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn the figures and categories of the training rows.

        Parameters
        ----------
        X : DataFrame of shape (rows, columns)
            Holds at least the columns named; others are ignored.
        y
            Ignored.

        Raises
        ------
        DataError
            If a column is missing, holds text where numbers belong, or there is nothing to learn.
        ParameterError
            If a parameter has a wrong value.
        """
        del y
        if self.max_categories < 1:
            raise ParameterError(f"max_categories must be at least 1, got {self.max_categories}")
        if not len(X):
            raise DataError("preprocessing needs at least one training row, got none")
        if unknown := sorted(set(self.columns or ()) - {*self.numeric, *self.categorical}):
            raise ParameterError(f"columns must be feature columns, got {unknown[0]!r}")
        self.categories_: dict[str, list[str]] = {}
        self.merged_: dict[str, NDArray[np.uint64]] = {}
        self.with_missing_: list[str] = []
        for name in self.chosen[1]:
            found = frequent_categories(X, name, self.max_categories)
            self.categories_[name], self.merged_[name] = found.kept, found.merged
            if found.with_missing:
                self.with_missing_.append(name)
        self._fit_columns(X)
        return self

    def transform(self, X: pd.DataFrame) -> Matrix:
        """Return the matrix of rows: float64 of shape (rows, columns of the matrix), C order.

        Parameters
        ----------
        X : DataFrame of shape (rows, columns)

        Raises
        ------
        DataError
            If a column is missing or holds text where numbers belong.
        """
        check_is_fitted(self, "feature_names_out_")
        return self._matrix(X)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return a name per column of the matrix: ``bytes``, ``bytes__missing``, ``proto=tcp``."""
        del input_features
        check_is_fitted(self, "feature_names_out_")
        return np.asarray(self.feature_names_out_, dtype=object)

    @abstractmethod
    def _fit_columns(self, X: pd.DataFrame) -> None:
        """Learn the rest; sets ``feature_names_out_`` and ``source_columns_``."""

    @abstractmethod
    def _matrix(self, X: pd.DataFrame) -> Matrix:
        """Return the matrix of rows."""

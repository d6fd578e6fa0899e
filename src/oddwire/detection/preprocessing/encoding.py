"""Feature frame → plain numbers, for a detector that scales its columns itself.

The members of an ensemble each scale the columns in their own way. They share only this: numbers
without scaling, categories as codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from oddwire.detection.preprocessing.columns import category_codes, frequent_categories, numbers
from oddwire.errors import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


class TableEncoder(TransformerMixin, BaseEstimator):
    """Numbers as they are, categories as codes: one column of the matrix per column of the frame.

    Nothing is scaled, clipped or filled: missing is NaN and infinity stays. A category's code is
    its place among the training rows' categories, the most frequent first. The rare ones beyond
    `max_categories` and those never seen share the code ``max_categories``.

    Parameters
    ----------
    numeric
        Columns of numbers, the first columns of the matrix.
    categorical
        Columns of strings, the columns after them.
    max_categories
        Categories with a code of their own, per column.
    columns
        The only columns of these to use, as a feature selection chose them; None for all.

    Attributes
    ----------
    feature_names_out_, source_columns_ : list of str
        The columns' names in the matrix and in the frame, which are the same here.
    """

    def __init__(
        self,
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
        max_categories: int = 256,
        columns: Sequence[str] | None = None,
    ) -> None:
        self.numeric = numeric
        self.categorical = categorical
        self.max_categories = max_categories
        self.columns = columns

    @property
    def chosen(self) -> tuple[list[str], list[str]]:
        """The columns that are used: of numbers, of strings."""
        return self._chosen(self.numeric), self._chosen(self.categorical)

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn the categories of the training rows.

        Parameters
        ----------
        X : DataFrame of shape (rows, columns)
            Holds at least the columns named; others are ignored.
        y
            Ignored.

        Raises
        ------
        DataError
            If a column is missing, holds text where numbers belong, or there is no row.
        ParameterError
            If `max_categories` is below 1, or `columns` holds another column.
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
        kept = self._chosen(self.numeric)
        for name in kept:
            numbers(X, name)
        for name in self._chosen(self.categorical):
            found = frequent_categories(X, name, self.max_categories)
            self.categories_[name], self.merged_[name] = found.kept, found.merged
        self.feature_names_out_ = [*kept, *self.categories_]
        self.source_columns_ = list(self.feature_names_out_)
        return self

    def transform(self, X: pd.DataFrame) -> Matrix:
        """Return the matrix of rows.

        Parameters
        ----------
        X : DataFrame of shape (rows, columns)

        Returns
        -------
        ndarray of float64 of shape (rows, columns of the frame), C order; NaN is missing

        Raises
        ------
        DataError
            If a column is missing or holds text where numbers belong.
        """
        check_is_fitted(self, "feature_names_out_")
        matrix = np.empty((len(X), len(self.feature_names_out_)))
        kept = self._chosen(self.numeric)
        for place, name in enumerate(kept):
            matrix[:, place] = numbers(X, name)
        for place, (name, categories) in enumerate(self.categories_.items(), start=len(kept)):
            codes, values = category_codes(X, name)
            known = pd.Index(categories, dtype=object).get_indexer(pd.Index(values, dtype=object))
            known = np.where(known < 0, self.max_categories, known).astype(np.float64)
            # The last place is for the code of a missing value, -1.
            matrix[:, place] = np.append(known, np.nan)[codes]
        return matrix

    def _chosen(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if self.columns is None or name in self.columns]

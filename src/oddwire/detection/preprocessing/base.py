"""What both preprocessings of a frame share: their columns, and the categories they know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator, TransformerMixin

from oddwire.detection.preprocessing.columns import frequent_categories
from oddwire.errors import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class FramePreprocessing(TransformerMixin, BaseEstimator):
    """Takes the columns of a frame that it is told of; learns their categories."""

    numeric: Sequence[str]
    categorical: Sequence[str]
    max_categories: int
    columns: Sequence[str] | None

    @property
    def chosen(self) -> tuple[list[str], list[str]]:
        """The columns that are used: of numbers, of strings."""
        numeric, categorical = (
            [name for name in names if self.columns is None or name in self.columns]
            for names in (self.numeric, self.categorical)
        )
        return numeric, categorical

    def _fit_categories(self, X: pd.DataFrame) -> None:
        """Learn the categories of the chosen columns, after a look at the settings and rows."""
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

"""Feature frame → plain numbers, for a detector that scales its columns itself.

The members of an ensemble each scale the columns in their own way. They share only this: numbers
without scaling, categories as codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from oddwire.detection.preprocessing.base import FramePreprocessing
from oddwire.detection.preprocessing.columns import category_places, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from oddwire.detection.arrays import Matrix


class TableEncoder(FramePreprocessing):
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

    def _fit_columns(self, X: pd.DataFrame) -> None:
        numeric, categorical = self.chosen
        for name in numeric:
            numbers(X, name)
        self.feature_names_out_ = [*numeric, *categorical]
        self.source_columns_ = list(self.feature_names_out_)

    def _matrix(self, X: pd.DataFrame) -> Matrix:
        matrix = np.empty((len(X), len(self.feature_names_out_)))
        numeric, categorical = self.chosen
        for place, name in enumerate(numeric):
            matrix[:, place] = numbers(X, name)
        for place, name in enumerate(categorical, start=len(numeric)):
            matrix[:, place] = category_places(
                X, name, self.categories_[name], other=self.max_categories, missing=np.nan
            )
        return matrix

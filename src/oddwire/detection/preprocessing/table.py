"""Feature frame → float64 matrix without gaps, the same way for every detector.

Network counters are heavy-tailed, full of zeros, and sometimes missing, infinite or extreme. Each
numeric column is scaled, and each categorical column becomes one column per frequent category and
one for all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from oddwire.detection.preprocessing.base import FramePreprocessing
from oddwire.detection.preprocessing.columns import Categories, distinct_names
from oddwire.detection.preprocessing.number_scaler import RELATIVE_TO, NumberScaler
from oddwire.detection.preprocessing.scaling import TRANSFORMS
from oddwire.errors import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oddwire.detection.arrays import Matrix, Places

__all__ = ["TRANSFORMS", "TablePreprocessor"]


class TablePreprocessor(FramePreprocessing):
    """Numbers scaled, categories one-hot, nothing missing, nothing infinite.

    A number passes these steps, all with figures of the training rows: infinity becomes the nearer
    end of the finite range; missing becomes the median of all rows, and a column ``NAME__missing``
    marks it where training had missing values too; then the transform; then clipping to ±20. A
    column without a finite training value is dropped. One that is constant in training gives 0
    there, and a later departure shows.

    The ``quantile_...`` transforms interpolate between up to 1001 training quantiles, tied ones at
    their mean rank. Beyond the training range they continue in a straight line along the signed
    logarithm, so that a scan of a million packets is more anomalous than one of a thousand;
    scikit-learn's `QuantileTransformer` maps both to the same end.

    Parameters
    ----------
    numeric
        Columns of numbers.
    categorical
        Columns of strings; missing allowed.
    transform
        ``standard``: zero mean, unit variance. ``log_standard``: the same of
        ``sign(x) log(1 + abs(x))``. ``quantile_uniform``, ``quantile_normal``: the rank among the
        training rows less one half, or the normal distribution's quantile of that rank.
    max_categories
        Categories with a column of their own, per categorical column; the rarer ones share
        ``NAME__other`` with those never seen.
    columns
        The only columns of these to use, as a feature selection chose them; None for all.
    relative_to
        Whose figures scale a number: those of ``all`` training rows, of the row's ``group``, the
        rows of the same categories (see `Groups`), or of ``both``, in a column each. The figures of
        a small group are shrunk towards those of all rows, and from ±3 on a number within its group
        grows with its logarithm.

    Attributes
    ----------
    feature_names_out_ : list of str
        A name per column of the matrix, no two alike: where a column of the frame that is used is
        called ``NAME__missing``, the one made of ``NAME`` is called ``NAME__missing_``.
    source_columns_ : list of str
        The frame's column that each column of the matrix comes from.

    Examples
    --------
    >>> frame = pd.DataFrame({"bytes": [0.0, 90.0, np.nan], "proto": ["tcp", "udp", "tcp"]})
    >>> table = TablePreprocessor(["bytes"], ["proto"], "quantile_uniform").fit(frame)
    >>> list(table.feature_names_out_)
    ['bytes', 'bytes__missing', 'proto=tcp', 'proto=udp', 'proto__other']
    >>> table.transform(pd.DataFrame({"bytes": [90.0], "proto": ["icmp"]})).tolist()
    [[0.25, 0.0, 0.0, 0.0, 1.0]]
    """

    def __init__(
        self,
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
        transform: str = "log_standard",
        max_categories: int = 32,
        columns: Sequence[str] | None = None,
        relative_to: str = "all",
    ) -> None:
        self.numeric = numeric
        self.categorical = categorical
        # The method `transform` stands where scikit-learn would look for the parameter.
        self.transform_name = transform
        self.max_categories = max_categories
        self.columns = columns
        self.relative_to = relative_to

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments by name."""
        params: dict[str, Any] = super().get_params(deep)
        return params | {"transform": self.transform_name}

    def set_params(self, **params: Any) -> Self:
        """Change arguments of the constructor by name."""
        transform = params.pop("transform", self.transform_name)
        super().set_params(**params)
        self.transform_name = transform
        return self

    def _fit_columns(self, X: pd.DataFrame) -> None:
        if self.transform_name not in TRANSFORMS:
            known = ", ".join(TRANSFORMS)
            raise ParameterError(f"transform must be one of {known}, got {self.transform_name!r}")
        if self.relative_to not in RELATIVE_TO:
            known = ", ".join(RELATIVE_TO)
            raise ParameterError(f"relative_to must be one of {known}, got {self.relative_to!r}")
        numeric, categorical = self.chosen
        self.scaler_ = NumberScaler(numeric, categorical, self.transform_name, self.relative_to)
        self.scaler_.fit(X)
        self._name_columns()
        if not self.feature_names_out_:
            raise DataError("the training rows hold no feature column with a value")

    def _matrix(self, X: pd.DataFrame) -> Matrix:
        matrix = np.zeros((len(X), len(self.feature_names_out_)))
        categories = Categories(X)
        ones = self._ones(categories)
        for tile in self.scaler_.tiles(X, categories):
            out = matrix[tile.rows]
            tile.fill(out)
            np.put_along_axis(out, ones[tile.rows], 1.0, axis=1)
        return matrix

    def _ones(self, categories: Categories) -> Places:
        """Return the matrix's columns that are 1, of shape (rows, categorical columns)."""
        ones = np.empty((len(categories), len(self.categories_)), dtype=np.int64)
        start = len(self.scaler_.feature_names_out_)
        for at, (name, kept) in enumerate(self.categories_.items()):
            other, marked = len(kept), name in self.with_missing_
            places = categories.places(name, kept, other=other, missing=other + marked)
            ones[:, at] = start + places
            start += other + 1 + marked
        return ones

    def _name_columns(self) -> None:
        names, sources = self.scaler_.feature_names_out_, self.scaler_.source_columns_
        for name, categories in self.categories_.items():
            own = [f"{name}={category}" for category in categories] + [f"{name}__other"]
            own += [f"{name}__missing"] * (name in self.with_missing_)
            names = names + own
            sources = sources + [name] * len(own)
        self.feature_names_out_ = distinct_names(names, sources)
        self.source_columns_: list[str] = sources

"""Benign rows that a model keeps, to say what is typical and to compare anomalous rows with.

A sample of the calibration rows before preprocessing: numbers as numbers, categories as codes. All
figures of an explanation (medians, quantiles, commonest categories, nearest benign rows) come from
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from oddwire.detection.preprocessing.columns import category_codes, category_places, numbers
from oddwire.errors import DataError, ModelError
from oddwire.traffic.schema import FeatureSchema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from oddwire.detection.arrays import Matrix, Places, Vector

MOST_ROWS = 2000  # quantiles to a twentieth of a percent, and few enough to search
_BLOCK_CELLS = 2**22


@dataclass(frozen=True, eq=False)
class BenignSample:
    """Benign rows that explanations compare with.

    Parameters
    ----------
    schema
        The feature columns.
    rows
        Shape (n, columns): numbers, then the codes of categories; NaN is missing.
    categories
        Per categorical column the categories that the codes number.
    """

    schema: FeatureSchema
    rows: Matrix
    categories: Mapping[str, Sequence[str]]

    @classmethod
    def fit(cls, frame: pd.DataFrame, schema: FeatureSchema) -> Self:
        """Encode the rows to keep.

        Parameters
        ----------
        frame
            Benign rows with the schema's columns, such as those at `sample_places`.
        schema
            The feature columns.

        Raises
        ------
        DataError
            If there is no row, or text in a numeric column.
        """
        if not len(frame):
            raise DataError("explanations need at least one benign row, got none")
        columns = [numbers(frame, name) for name in schema.numeric]
        categories = {}
        for name in schema.categorical:
            codes, values = category_codes(frame, name)
            order = np.argsort(values.astype(str), kind="stable")
            categories[name] = [str(value) for value in values[order]]
            columns.append(np.append(np.argsort(order).astype(np.float64), np.nan)[codes])
        return cls(schema, np.column_stack(columns), categories)

    def encode(self, frame: pd.DataFrame) -> Matrix:
        """Return other rows in the form of `rows`, -1 for a category that none of these has.

        Parameters
        ----------
        frame
            Rows with the schema's columns.
        """
        matrix = np.empty((len(frame), len(self.schema.columns)))
        for place, name in enumerate(self.schema.columns):
            if name in self.categories:
                matrix[:, place] = category_places(
                    frame, name, self.categories[name], other=-1, missing=np.nan
                )
            else:
                matrix[:, place] = numbers(frame, name)
        return matrix

    def frame(self) -> pd.DataFrame:
        """Return the rows as a frame, as `fit` took them; categories as strings."""
        columns: dict[str, Any] = {}
        for place, name in enumerate(self.schema.columns):
            column = self.rows[:, place]
            if name in self.categories:
                words = np.asarray([*self.categories[name], None], dtype=object)
                columns[name] = words[np.where(np.isnan(column), -1, column).astype(np.int64)]
            else:
                columns[name] = column
        return pd.DataFrame(columns)

    def typical(self) -> list[float | str | None]:
        """Return per column the median, or the commonest category; None where all are missing."""
        found: list[float | str | None] = []
        for place, name in enumerate(self.schema.columns):
            ordered = self._ordered[place]
            if not ordered.size:
                found.append(None)
            elif name in self.categories:
                codes, counts = np.unique(ordered, return_counts=True)
                found.append(self.categories[name][int(codes[counts.argmax()])])
            else:
                # Halves first: the sum of two large numbers may not be finite.
                middle = ordered[[(ordered.size - 1) // 2, ordered.size // 2]].tolist()
                found.append(middle[0] / 2 + middle[1] / 2)
        return found

    def quantiles(self, rows: Matrix) -> Matrix:
        """Return the quantile of values among the benign ones: 0 below all, 1 above all.

        Parameters
        ----------
        rows
            What `encode` made, shape (m, columns).

        Returns
        -------
        ndarray of shape (m, columns)
            Equal values count half. NaN for categories, for a missing value, and where no benign
            row has one.
        """
        found = np.full(rows.shape, np.nan)
        for place in range(len(self.schema.numeric)):
            if self._ordered[place].size:
                found[:, place] = self._ranks(place, rows[:, place])
        return found

    def shares(self, rows: Matrix) -> Matrix:
        """Return the share of the benign rows that have exactly the same value.

        Parameters
        ----------
        rows
            What `encode` made, shape (m, columns).
        """
        found = np.empty(rows.shape)
        for place, ordered in enumerate(self._ordered):
            column = rows[:, place]
            same = np.searchsorted(ordered, column, "right") - np.searchsorted(ordered, column)
            missing = len(self.rows) - ordered.size
            found[:, place] = np.where(np.isnan(column), missing, same) / len(self.rows)
        return found

    def nearest(self, rows: Matrix, among: NDArray[np.bool_]) -> Places:
        """Return the place of the most similar benign row, for each row.

        A column counts the difference of the two ranks, or 1 for two categories, so that one
        extreme value cannot decide alone (Gower 1971, *A general coefficient of similarity*).

        Parameters
        ----------
        rows
            What `encode` made, shape (m, columns).
        among
            Which of the benign rows may be returned, at least one, shape (n,).

        Returns
        -------
        ndarray of shape (m,)
        """
        found = np.empty(len(rows), dtype=np.int64)
        for block in row_blocks(len(rows), len(self.rows)):
            far = np.where(among, np.zeros((block.stop - block.start, 1)), np.inf)
            for place in range(rows.shape[1]):
                far += self._distances(place, rows[block, place])
            found[block] = far.argmin(axis=1)
        return found

    def _distances(self, place: int, column: Vector) -> Matrix:
        own = self.rows[:, place]
        one_missing = np.isnan(column)[:, None] != np.isnan(own)
        if self.schema.columns[place] in self.categories:
            apart = (column[:, None] != own).astype(np.float64)
        else:
            apart = np.abs(self._ranks(place, column)[:, None] - self._own_ranks[place])
        both_missing = np.isnan(column)[:, None] & np.isnan(own)
        return np.where(one_missing, 1.0, np.where(both_missing, 0.0, apart))

    def _ranks(self, place: int, column: Vector) -> Vector:
        ordered = self._ordered[place]
        below = np.searchsorted(ordered, column) + np.searchsorted(ordered, column, "right")
        ranks: Vector = np.where(np.isnan(column), np.nan, below / max(2 * ordered.size, 1))
        return ranks

    @cached_property
    def _own_ranks(self) -> list[Vector]:
        numeric = range(len(self.schema.numeric))
        return [self._ranks(place, self.rows[:, place]) for place in numeric]

    @cached_property
    def _ordered(self) -> list[Vector]:
        return [np.sort(column[~np.isnan(column)]) for column in self.rows.T]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; `rows` are saved separately as an array."""
        return {"categories": {name: list(values) for name, values in self.categories.items()}}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], rows: Matrix, schema: FeatureSchema) -> Self:
        """Build a sample from the result of `to_dict` and its rows.

        Raises
        ------
        ModelError
            If they do not fit the schema or each other.
        """
        categories = dict(content["categories"])
        if rows.ndim != 2 or not len(rows) or rows.shape[1] != len(schema.columns):  # noqa: PLR2004
            raise ModelError(f"benign rows must have {len(schema.columns)} columns")
        if set(categories) != set(schema.categorical):
            raise ModelError("benign rows must have the schema's categorical columns")
        for place, name in enumerate(schema.categorical, start=len(schema.numeric)):
            codes = rows[:, place][~np.isnan(rows[:, place])]
            if not np.isin(codes, np.arange(len(categories[name]))).all():
                raise ModelError(f"benign rows hold a category of {name!r} that has no name")
        return cls(schema, rows, categories)


def sample_places(rows: int) -> Places:
    """Return the places of the calibration rows to keep: all of few, always the same of many."""
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))


def row_blocks(rows: int, width: int) -> Iterator[slice]:
    """Cut rows of so many numbers each into blocks of at most 32 MiB."""
    step = max(1, _BLOCK_CELLS // max(width, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))

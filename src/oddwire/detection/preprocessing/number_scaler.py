"""Columns of numbers → scaled columns without gaps, by all rows or by groups of similar rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator

from oddwire.detection.preprocessing.columns import Categories, numbers
from oddwire.detection.preprocessing.peer_groups import Groups
from oddwire.detection.preprocessing.scaling import (
    MAGNITUDE,
    PackedScalings,
    Scaling,
    fit_group_scaling,
    fit_scaling,
)
from oddwire.detection.preprocessing.scaling_loops import NumberTile, TileScaler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from oddwire.detection.arrays import Vector

RELATIVE_TO = ("all", "group", "both")

# A group's own figures are weighted as its rows would be among this many rows of all.
_PRIOR_ROWS = 20


class NumberScaler(BaseEstimator):
    """Scales columns of numbers by figures of the training rows.

    Parameters
    ----------
    names
        Columns of numbers.
    categorical
        Columns whose categories make the groups, see `Groups`.
    transform, relative_to
        As for `TablePreprocessor`.

    Attributes
    ----------
    feature_names_out_ : list of str
        A name per column that `NumberTile.fill` fills; `TablePreprocessor` makes them unique.
    source_columns_ : list of str
        The frame's column that each one comes from.
    """

    def __init__(
        self,
        names: Sequence[str] = (),
        categorical: Sequence[str] = (),
        transform: str = "log_standard",
        relative_to: str = "all",
    ) -> None:
        self.names = names
        self.categorical = categorical
        self.transform = transform
        self.relative_to = relative_to

    def fit(self, X: pd.DataFrame) -> Self:
        """Learn the figures of the training rows.

        Raises
        ------
        DataError
            If a column is missing or holds text.
        """
        by_group = self.relative_to != "all"
        groups = Groups.fit(X, self.categorical if by_group else ())
        self.group_columns_, self.group_keys_ = list(groups.columns), groups.keys
        places = groups.places(Categories(X))
        members = [np.flatnonzero(places == group) for group in range(len(groups.keys))]
        self.kept_: list[str] = []
        self.marked_: list[str] = []
        ends: list[tuple[float, ...]] = []
        scalings: list[Scaling] = []
        trust: list[float] = []
        for name in self.names:
            column = numbers(X, name)
            # The median of two numbers near the largest float would overflow.
            finite = np.clip(column[np.isfinite(column)], -MAGNITUDE, MAGNITUDE)
            if not finite.size:
                continue
            self.kept_.append(name)
            if np.isnan(column).any():
                self.marked_.append(name)
            ends.append((finite.min(), finite.max(), np.median(finite)))
            overall = fit_scaling(finite, self.transform)
            scalings.append(overall)
            for group in range(len(groups.keys)):
                own, known = _fit_own(column[members[group]], overall)
                scalings.append(own)
                trust.append(known)
        self.ends_ = np.asarray(ends, dtype=np.float64).reshape(-1, 3)
        self.trust_ = np.asarray(trust).reshape(len(self.kept_), len(groups.keys))
        packed = PackedScalings.of(scalings)
        self.lines_, self.knots_, self.knot_ends_ = packed.lines, packed.knots, packed.ends
        self._name_columns()
        return self

    def tiles(self, frame: pd.DataFrame, categories: Categories) -> Iterator[NumberTile]:
        """Yield the rows of a frame in order, a few hundred at a time.

        Parameters
        ----------
        categories
            Those of the same frame.
        """
        columns = [numbers(frame, name, copy=False) for name in self.kept_]
        groups = Groups(self.group_columns_, self.group_keys_).places(categories)
        scaler = self._tile_scaler()
        for start in range(0, len(frame), scaler.most):
            rows = slice(start, start + scaler.most)
            yield NumberTile(rows, scaler, [column[rows] for column in columns], groups[rows])

    def _tile_scaler(self) -> TileScaler:
        among_all, in_groups = self._wanted
        return TileScaler(
            self.transform,
            PackedScalings(self.lines_, self.knots_, self.knot_ends_),
            self.ends_,
            self.trust_,
            among_all=0 if among_all else None,
            in_groups=among_all * len(self.kept_) if in_groups else None,
            marked=[self.kept_.index(name) for name in self.marked_],
        )

    @property
    def _wanted(self) -> tuple[bool, bool]:
        """Whether to scale among all rows, and within groups; without groups among all rows."""
        if not len(self.group_keys_):
            return True, False
        return self.relative_to == "both", True

    def _name_columns(self) -> None:
        among_all, in_groups = self._wanted
        grouped = [f"{name}__in_group" for name in self.kept_]
        marks = [f"{name}__missing" for name in self.marked_]
        self.feature_names_out_ = self.kept_ * among_all + grouped * in_groups + marks
        self.source_columns_ = self.kept_ * sum(self._wanted) + self.marked_


def _fit_own(column: Vector, overall: Scaling) -> tuple[Scaling, float]:
    """Return a column's scaling within a group, and its weight against that of all rows."""
    finite = column[np.isfinite(column)]
    if not finite.size:
        return overall, 0.0
    trust = finite.size / (finite.size + _PRIOR_ROWS)
    return fit_group_scaling(finite, overall, trust), trust

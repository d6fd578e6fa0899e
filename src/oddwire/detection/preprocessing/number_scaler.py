"""Columns of numbers → scaled columns without gaps, by all rows or by groups of similar rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator

from oddwire.detection.preprocessing.columns import numbers
from oddwire.detection.preprocessing.peer_groups import Groups
from oddwire.detection.preprocessing.scaling import (
    LIMIT,
    MAGNITUDE,
    PackedScalings,
    Scaling,
    fit_group_scaling,
    fit_scaling,
    tamed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from oddwire.detection.arrays import Matrix, Places, Vector

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
        A name per column of `blocks`; `TablePreprocessor` makes them unique.
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
        members = dict(self._parts(X))
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

    def blocks(self, X: pd.DataFrame, rows: int) -> Iterator[tuple[slice, Matrix]]:
        """Yield blocks of scaled rows, each of shape (at most ``rows``, columns)."""
        for start in range(0, len(X), rows):
            block = slice(start, start + rows)
            yield block, self._mapped(X.iloc[block])

    def _mapped(self, frame: pd.DataFrame) -> Matrix:
        packed = PackedScalings(self.lines_, self.knots_, self.knot_ends_)
        out = np.zeros((len(frame), len(self.feature_names_out_)))
        parts = self._parts(frame)
        step = 1 + len(self.group_keys_)
        among_all, in_groups = self._wanted
        for place, (name, (low, high, median)) in enumerate(
            zip(self.kept_, self.ends_, strict=True)
        ):
            column = numbers(frame, name)
            missing = np.isnan(column)
            np.nan_to_num(column, copy=False, nan=median, posinf=high, neginf=low)
            scaled = packed.unpack(place * step, self.transform).apply(column)
            if among_all:
                out[:, place] = np.clip(scaled, -LIMIT, LIMIT)
            for group, members in parts:
                # What is missing stays at the median of all rows.
                rows = members[~missing[members]]
                own = packed.unpack(place * step + 1 + group, self.transform).apply(column[rows])
                scaled[rows] += self.trust_[place, group] * (own - scaled[rows])
            if in_groups:
                bounded = np.clip(tamed(scaled), -LIMIT, LIMIT)
                out[:, place + among_all * len(self.kept_)] = bounded
            if name in self.marked_:
                out[:, self._marks + self.marked_.index(name)] = missing
        return out

    def _parts(self, frame: pd.DataFrame) -> list[tuple[int, Places]]:
        """Return the groups that a frame holds, each with the places of its rows."""
        groups = Groups(self.group_columns_, self.group_keys_)
        places = groups.places(frame)
        order = np.argsort(places, kind="stable")
        found, starts = np.unique(places[order], return_index=True)
        rows = np.split(order, starts[1:]) if len(found) else []
        return [(int(group), part) for group, part in zip(found, rows, strict=True) if group >= 0]

    @property
    def _wanted(self) -> tuple[bool, bool]:
        """Whether to scale among all rows, and within groups; without groups among all rows."""
        if not len(self.group_keys_):
            return True, False
        return self.relative_to == "both", True

    @property
    def _marks(self) -> int:
        """Place of the first column that marks missing values."""
        return sum(self._wanted) * len(self.kept_)

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

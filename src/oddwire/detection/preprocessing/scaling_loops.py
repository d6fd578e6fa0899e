"""Tiles of rows → scaled columns of a matrix, in compiled loops.

A tile is small enough for the processor's cache. Its columns lie one after the other, shape
(columns, rows); the matrix has them side by side. Each number takes the same steps of arithmetic,
in the same order, in whatever tile it is; logarithms are NumPy's, for all numbers of a tile at
once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from oddwire.compiling import compiled
from oddwire.detection.preprocessing.scaling import (
    FAR,
    LIMIT,
    MAGNITUDE,
    NOTHING,
    PackedScalings,
    tamed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oddwire.detection.arrays import Matrix, Places, Vector

_TILE_ROWS = 4000

_FILL_TYPES = "void(float64[:,:], float64[:,::1], float64, float64, float64[:,:], boolean[:,::1])"
_SCALE_TYPES = (
    "int64(float64[:,:], boolean[:,::1], int64[::1], float64[:,::1], float64[:,::1], int64[::1],"
    " float64[:,::1], float64, int64, int64, float64, float64, float64[:,::1], float64[::1],"
    " int64[::1])"
)
_PUT_TYPES = "void(float64[::1], int64[::1], float64, float64[:,::1])"


class TileScaler:
    """What scales tiles of one table of numbers.

    Parameters
    ----------
    transform
        One of `scaling.TRANSFORMS`.
    packed
        Of each column the scaling among all rows, then those within the groups.
    ends
        Lowest, highest and middle number of each column, shape (columns, 3).
    trust
        The weight of each column's scaling within each group, shape (columns, groups).
    among_all, in_groups
        Where in the matrix the numbers scaled among all rows begin, and those scaled within their
        groups; None for none.
    marked
        Columns whose missing numbers are marked in the matrix, behind those.

    Attributes
    ----------
    most
        How many rows a tile may have.
    """

    def __init__(
        self,
        transform: str,
        packed: PackedScalings,
        ends: Matrix,
        trust: Matrix,
        *,
        among_all: int | None,
        in_groups: int | None,
        marked: Sequence[int],
    ) -> None:
        self._transform = transform
        # Loaded arrays may be read-only, for which the loops are not compiled.
        self._ends = np.require(ends, requirements=["C", "W"])
        own = (np.require(array, requirements=["C", "W"]) for array in (*packed, trust))
        # Per training standard deviation beyond the outermost knots: one for the normal
        # distribution's quantiles; for ranks the standard deviation of uniform ones, so that a step
        # outside counts as much as a typical one inside.
        slope = 12**-0.5 if transform == "quantile_uniform" else 1.0
        begins = [-1 if begin is None else begin for begin in (among_all, in_groups)]
        self._figures = (*own, slope, *begins, LIMIT, FAR)
        self._marked = np.asarray(marked, dtype=np.int64)
        self._marks = len(ends) * sum(begin >= 0 for begin in begins)
        self.most = _TILE_ROWS
        shape = (len(ends), self.most)  # memory that every tile uses anew
        self._tile, self._sizes, self._far = (np.empty(shape) for _ in range(3))
        self._missing = np.empty(shape, dtype=np.bool_)
        self._places = np.empty(len(ends) * self.most, dtype=np.int64)

    def fill(self, columns: Sequence[Vector], groups: Places, out: Matrix) -> None:
        """Scale the numbers of a tile into rows of the matrix.

        Parameters
        ----------
        columns
            Numbers of at most `most` rows, missing as NaN.
        groups
            The group of each row, -1 for none.
        out
            Rows of the matrix, shape (rows, its columns).
        """
        rows = len(groups)
        tile, sizes = self._tile[:, :rows], self._sizes[:, :rows]
        for place, column in enumerate(columns):
            tile[place] = column
        fill = compiled(_fill, _FILL_TYPES)
        fill(tile, self._ends, MAGNITUDE, NOTHING, sizes, self._missing)
        if self._transform != "standard":
            np.copysign(np.log1p(sizes, out=sizes), tile, out=tile)
        scale = compiled(_scale, _SCALE_TYPES)
        far = self._far.ravel()
        found = scale(tile, self._missing, groups, *self._figures, out, far, self._places)
        put = compiled(_put, _PUT_TYPES)
        put(tamed(far[:found]), self._places[:found], LIMIT, out)
        marks = out[:, self._marks : self._marks + len(self._marked)]
        marks[:] = self._missing[self._marked, :rows].T


class NumberTile(NamedTuple):
    """Some rows of a table of numbers, and what scales them; the fields are those of `fill`."""

    rows: slice
    scaler: TileScaler
    columns: Sequence[Vector]
    groups: Places

    def fill(self, out: Matrix) -> None:
        """Scale the numbers into the rows' part of the matrix."""
        self.scaler.fill(self.columns, self.groups, out)


def _fill(tile, ends, magnitude, nothing, sizes, missing):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Replace what is missing, infinite or beyond what squares without overflow."""
    for column in range(len(tile)):
        low, high, middle = ends[column]
        for row in range(tile.shape[1]):
            value = tile[column, row]
            missing[column, row] = np.isnan(value)
            if np.isnan(value):
                value = middle
            elif value == np.inf:
                value = high
            elif value == -np.inf:
                value = low
            value = min(max(value, -magnitude), magnitude)
            size = abs(value)
            if size < nothing:
                value = size = 0.0
            tile[column, row] = value
            sizes[column, row] = size


def _scale(  # type: ignore[no-untyped-def]  # noqa: ANN202, C901, PLR0912 - numba calls no part of it
    tile, missing, groups, lines, knots, ends, trust, slope, among_all, in_groups, limit, far,  # noqa: ANN001
    out, far_values, far_places,  # noqa: ANN001
):  # fmt: skip
    """Scale numbers; those far within their group are set aside, as their logarithm is wanted."""
    found = 0
    scalings = 1 + trust.shape[1]
    for column in range(len(tile)):
        for row in range(tile.shape[1]):
            value = tile[column, row]
            group = groups[row]
            scaled = 0.0
            for within in range(2):
                if within and (group < 0 or missing[column, row]):
                    break  # what is missing stays at the median of all rows
                number = column * scalings + within * (1 + group)
                first, end = ends[number], ends[number + 1]
                if first == end:
                    own = (value - lines[number, 0]) / lines[number, 1]
                else:
                    # As numpy.interp does it: the last knot that is not above the value.
                    left, above = first - 1, end
                    while left + 1 < above:
                        middle = (left + above) // 2
                        if knots[0, middle] <= value:
                            left = middle
                        else:
                            above = middle
                    if left < first:
                        inside = knots[1, first]
                    elif left == end - 1 or knots[0, left] == value:
                        inside = knots[1, left]
                    else:
                        rise = knots[1, left + 1] - knots[1, left]
                        rise /= knots[0, left + 1] - knots[0, left]
                        inside = rise * (value - knots[0, left]) + knots[1, left]
                    beyond = value - min(max(value, knots[0, first]), knots[0, end - 1])
                    own = inside + beyond * (slope / lines[number, 1])
                if within:
                    scaled += trust[column, group] * (own - scaled)
                else:
                    scaled = own
                    if among_all >= 0:
                        out[row, among_all + column] = min(max(scaled, -limit), limit)
            if in_groups >= 0:
                out[row, in_groups + column] = scaled
                if abs(scaled) > far:
                    far_values[found] = scaled
                    far_places[found] = row * out.shape[1] + in_groups + column
                    found += 1
    return found


def _put(values, places, limit, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    width = out.shape[1]
    for at in range(len(values)):
        out[places[at] // width, places[at] % width] = min(max(values[at], -limit), limit)

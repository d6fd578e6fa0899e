"""Distances to rows that are kept, and which rows to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from oddwire.detection.arrays import Matrix, Places

_BLOCK_ROWS = 16_384
_BLOCK_ENTRIES = 2**21  # 16 MB of differences at a time
_DRAWN_PER_KEPT = 4  # traffic repeats itself: rows examined for each one kept


def sample_rows(X: Matrix, most: int, random: np.random.RandomState) -> Matrix:
    """Return a random sample of the rows, in their order, or all where they are few enough."""
    if len(X) <= most:
        return X
    return X[np.sort(random.choice(len(X), most, replace=False))]


def distinct_rows(X: Matrix, most: int, random: np.random.RandomState) -> Matrix:
    """Return distinct rows, at most ``most``, shape (kept, columns).

    Parameters
    ----------
    X
        Matrix of shape (rows, columns).
    most
        Rows to keep. Repeats are looked for in a random sample of four times as many.
    random
        Draws them.
    """
    drawn = sample_rows(X, _DRAWN_PER_KEPT * most, random)
    return sample_rows(np.unique(drawn, axis=0), most, random)


def nearest(X: Matrix, kept: Matrix, count: int) -> tuple[Matrix, Places]:
    """Find the nearest of the rows that are kept.

    scikit-learn finds them by matrix products, which lose digits where rows are close; the
    distances to those found are computed anew from differences.

    Parameters
    ----------
    X
        Matrix of shape (rows, columns).
    kept
        Matrix of shape (kept, columns).
    count
        How many, at most all that are kept.

    Returns
    -------
    distances : ndarray of float64 of shape (rows, count)
        Euclidean, rising along a row.
    places : ndarray of int64 of shape (rows, count)
        Which rows of ``kept`` they are.
    """
    origin = kept.mean(axis=0)
    index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(kept - origin)
    places = np.concatenate([
        index.kneighbors(X[start : start + _BLOCK_ROWS] - origin, return_distance=False)
        for start in range(0, len(X), _BLOCK_ROWS)
    ])  # fmt: skip
    distances = np.empty(places.shape)
    rows = max(1, _BLOCK_ENTRIES // (count * kept.shape[1]))
    for start in range(0, len(X), rows):
        block = slice(start, start + rows)
        apart = X[block, None, :] - kept[places[block]]
        distances[block] = np.sqrt(np.einsum("ijk,ijk->ij", apart, apart))
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, 1), np.take_along_axis(places, order, 1)

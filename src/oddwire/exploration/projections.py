"""Rows on two maps: principal components, and t-SNE, which keeps neighbours together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.schema import FeatureSchema

Matrix = NDArray[np.float64]

LEAST_ROWS = 20
_MOST_CATEGORIES = 16  # rarer ones hardly move a map
_COMPONENTS = 20  # that t-SNE works on: distances of fewer columns are quicker and less noisy
_STEPS = 500  # the picture hardly changes later
_PERPLEXITY = 30.0  # neighbours that count, as scikit-learn's default
_LEADING = 5  # columns named for a component


@dataclass(frozen=True)
class Maps:
    """Places of rows on two maps.

    Parameters
    ----------
    principal
        Principal components, shape (rows, 2).
    explained
        Share of the variance that each of the two explains.
    leading
        The columns that weigh most in each of the two, the heaviest first.
    neighbours
        t-SNE, shape (rows, 2).
    """

    principal: Matrix
    explained: list[float]
    leading: list[list[str]]
    neighbours: Matrix

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and names, without the places, for JSON."""
        return {"rows": len(self.principal), "explained": self.explained, "leading": self.leading}


def as_matrix(rows: pd.DataFrame, schema: FeatureSchema) -> tuple[Matrix, list[str]]:
    """Turn features into numbers from 0 to 1 that a distance can be taken of.

    Numbers become their ranks, which bound every column alike, so that no single one stretches the
    map; a missing one lies in the middle. Each of the 16 most frequent categories of a feature
    becomes a column of 0 and 1.

    Returns
    -------
    matrix : ndarray of float64 of shape (rows, columns)
    names : list of str
        The feature that each column comes from.
    """
    numbers = rows[list(schema.numeric)].astype(np.float64).rank(pct=True).fillna(0.5)
    columns, names = [numbers.to_numpy()], list(schema.numeric)
    for name in schema.categorical:
        frequent = rows[name].value_counts().sort_index().nlargest(_MOST_CATEGORIES).index
        each = pd.get_dummies(rows[name].where(rows[name].isin(frequent)))
        columns.append(each.to_numpy(dtype=np.float64))
        names += [name] * each.shape[1]
    return np.concatenate(columns, axis=1), names


def place_on_maps(matrix: Matrix, names: Sequence[str], *, seed: int) -> Maps | str:
    """Find the places of rows on both maps.

    Parameters
    ----------
    matrix
        Finite numbers on comparable scales, shape (rows, columns).
    names
        The feature that each column comes from.
    seed
        Of everything random: the same rows and seed give the same maps.

    Returns
    -------
    The maps, or why there are none: fewer than 20 rows, or fewer than two columns that vary.

    References
    ----------
    van der Maaten & Hinton 2008, *Visualizing data using t-SNE*.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(matrix) < LEAST_ROWS:
        return f"a map needs {LEAST_ROWS} rows, got {len(matrix)}"
    varying = np.ptp(matrix, axis=0) > 0
    if varying.sum() < 2:  # noqa: PLR2004 - a map has two sides
        return f"a map needs two columns that vary, got {varying.sum()}"
    matrix = matrix[:, varying]
    pca = PCA(min(_COMPONENTS, *matrix.shape), random_state=seed)
    perplexity = min(_PERPLEXITY, (len(matrix) - 1) / 3)
    tsne = TSNE(
        init="pca", perplexity=perplexity, max_iter=_STEPS, random_state=seed, n_jobs=1
    )  # fmt: skip
    with threadpool_limits(1):  # threads would add up in any order, and the map would not repeat
        components = pca.fit_transform(matrix)
        neighbours = tsne.fit_transform(components).astype(np.float64)
    sources = np.asarray(names)[varying]
    return Maps(
        principal=components[:, :2],
        explained=pca.explained_variance_ratio_[:2].tolist(),
        leading=[_leading(weights, sources) for weights in pca.components_[:2]],
        neighbours=neighbours,
    )


def _leading(weights: NDArray[np.float64], sources: NDArray[np.str_]) -> list[str]:
    """Name the features with the largest weights, each once."""
    ordered = dict.fromkeys(sources[np.argsort(-np.abs(weights), kind="stable")].tolist())
    return list(ordered)[:_LEADING]

"""Rows on a map: principal components, and t-SNE, which keeps neighbours together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

LEAST_ROWS = 20
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
    explained: tuple[float, float]
    leading: tuple[tuple[str, ...], tuple[str, ...]]
    neighbours: Matrix

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and names, without the places, for JSON."""
        return {
            "rows": len(self.principal),
            "explained": list(self.explained),
            "leading": [list(names) for names in self.leading],
        }


def draw_up(matrix: Matrix, names: Sequence[str], *, seed: int) -> Maps | str:
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
    from threadpoolctl import threadpool_limits

    if len(matrix) < LEAST_ROWS:
        return f"a map needs {LEAST_ROWS} rows, got {len(matrix)}"
    varying = np.ptp(matrix, axis=0) > 0
    if varying.sum() < 2:  # noqa: PLR2004 - a map has two sides
        return f"a map needs two columns that vary, got {varying.sum()}"
    names = [name for name, varies in zip(names, varying, strict=True) if varies]
    with threadpool_limits(1):  # threads would add up in any order, and the map would not repeat
        return _draw_up(matrix[:, varying], names, seed)


def _draw_up(matrix: Matrix, names: Sequence[str], seed: int) -> Maps:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    pca = PCA(min(_COMPONENTS, *matrix.shape), random_state=seed)
    components = pca.fit_transform(matrix)
    tsne = TSNE(
        init="pca",
        perplexity=min(_PERPLEXITY, (len(matrix) - 1) / 3),
        max_iter=_STEPS,
        random_state=seed,
        n_jobs=1,
    )
    first, second = pca.explained_variance_ratio_[:2].tolist()
    return Maps(
        principal=components[:, :2],
        explained=(first, second),
        leading=(_leading(pca.components_[0], names), _leading(pca.components_[1], names)),
        neighbours=tsne.fit_transform(components).astype(np.float64),
    )


def _leading(weights: NDArray[np.float64], names: Sequence[str]) -> tuple[str, ...]:
    """Name the features with the largest weights, each once."""
    ordered = dict.fromkeys(names[at] for at in np.argsort(-np.abs(weights), kind="stable"))
    return tuple(list(ordered)[:_LEADING])

"""How well separated the clusters of a clustering detector are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLUSTERING_INDICES = ("silhouette", "davies_bouldin", "calinski_harabasz")
_FEWEST_CLUSTERS = 2


@dataclass(frozen=True, kw_only=True)
class ClusteringIndices:
    """Three indices of a clustering; None where they are undefined, and ``reason`` says why.

    ``rows`` fell into ``clusters`` that are not empty. ``silhouette``, from -1 to 1, is higher for
    well-separated clusters; it compares pairs of rows, among ``silhouette_rows`` of them.
    ``davies_bouldin``, from 0, is lower and ``calinski_harabasz``, from 0, higher for
    well-separated clusters.

    References
    ----------
    Rousseeuw 1987, *Silhouettes*. Davies & Bouldin 1979, *A cluster separation measure*. Calinski
    & Harabasz 1974, *A dendrite method for cluster analysis*.
    """

    rows: int
    clusters: int
    silhouette: float | None
    silhouette_rows: int
    davies_bouldin: float | None
    calinski_harabasz: float | None
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def evaluate_clustering(
    detector: Any, X: NDArray[np.float64], *, silhouette_rows: int = 2_000, seed: int = 0
) -> ClusteringIndices:
    """Measure the clusters that a fitted clustering detector assigns rows to.

    Parameters
    ----------
    detector
        Fitted, with a method ``assign_clusters``.
    X
        Matrix of shape (rows, columns), as the detector was fitted to.
    silhouette_rows
        Rows that the silhouette compares, at most: its time grows with their square.
    seed
        Seeds their choice.
    """
    groups = np.asarray(detector.assign_clusters(X))
    clusters = len(np.unique(groups))
    reason = _undefined(len(X), clusters)
    if reason is not None:
        return ClusteringIndices(
            rows=len(X), clusters=clusters, silhouette=None, silhouette_rows=0,
            davies_bouldin=None, calinski_harabasz=None, reason=reason,
        )  # fmt: skip
    drawn = min(silhouette_rows, len(X))
    try:
        score = silhouette_score(X, groups, sample_size=drawn, random_state=seed)
    except ValueError as error:  # a sample of one cluster, or of one row in each
        score, reason = None, f"silhouette: {error}"
    return ClusteringIndices(
        rows=len(X),
        clusters=clusters,
        silhouette=None if score is None else float(score),
        silhouette_rows=drawn,
        davies_bouldin=float(davies_bouldin_score(X, groups)),
        calinski_harabasz=float(calinski_harabasz_score(X, groups)),
        reason=reason,
    )


def _undefined(rows: int, clusters: int) -> str | None:
    if clusters < _FEWEST_CLUSTERS:
        return f"indices need two clusters or more, and the {rows} rows are in {clusters}"
    if clusters >= rows:
        return f"indices need more rows than clusters, got {rows} rows in {clusters}"
    return None

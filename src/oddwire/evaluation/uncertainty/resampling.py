"""The stratified bootstrap behind every interval.

Attacks and benign rows are drawn apart, so that each resample keeps the share of attacks, on which
average precision depends. Where rows come in clusters, clusters are drawn instead of rows, one
fewer than there are, which makes up for how few there may be (Rao & Wu 1988, *Resampling inference
with complex survey data*). A resample is a weight per row, and the scores are sorted once: a curve
under new weights then costs O(n) and no sorting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Literal

import numpy as np

from oddwire.errors import ParameterError
from oddwire.evaluation.metrics import (
    FIXED_FPRS,
    Bools,
    Curve,
    Floats,
    Ints,
    average_precision,
    recall_at,
    roc_auc,
)

Metric = Literal[
    "average_precision", "roc_auc", "recall_at_fpr_0.001", "recall_at_fpr_0.01",
    "recall_at_fpr_0.05",
]  # fmt: skip
RANKING_METRICS: Mapping[str, Callable[[Curve], float]] = {
    "average_precision": average_precision,
    "roc_auc": roc_auc,
    **{name: partial(recall_at, most=rate) for name, rate in FIXED_FPRS.items()},
}
_FEWEST = 50
_MOST_ROWS_DRAWN = 10_000_000


class WeightedRanking:
    """Scores sorted once, so that metrics under new row weights cost O(n) each.

    Parameters
    ----------
    attack
        Which rows are attacks, shape (n,).
    scores
        Finite anomaly scores, shape (n,).
    """

    def __init__(self, attack: Bools, scores: Floats) -> None:
        self.order: Ints = np.argsort(-scores, kind="stable")
        self.attack = attack[self.order].astype(np.float64)
        ranked = scores[self.order]
        ends = np.append(ranked[1:] != ranked[:-1], True)  # the last row ends a tie
        self.ends: Ints = np.flatnonzero(ends)
        self.thresholds: Floats = ranked[self.ends]

    def curve(self, weights: Floats) -> Curve:
        """Return the curve where row i counts ``weights[i]`` times."""
        ranked = weights[self.order]
        attacks = np.cumsum(ranked * self.attack)[self.ends]
        total = np.cumsum(ranked)[self.ends]
        # Above the first drawn row precision is undefined.
        first = int(np.searchsorted(total, 0, side="right"))
        return Curve(self.thresholds[first:], attacks[first:], (total - attacks)[first:])


def stratified_weights(
    classes: Bools | Ints,
    resamples: int,
    rng: np.random.Generator,
    clusters: Ints | None = None,
) -> Iterator[Floats]:
    """Yield how often each row is drawn, each class apart.

    Parameters
    ----------
    classes
        Which rows are attacks, or the number of each row's class, shape (n,).
    resamples
        How many draws.
    rng
        Source of the draws.
    clusters
        The number of each row's cluster, shape (n,), as `clusters.clusters_of` gives them: all of
        its rows of a class are drawn together. Rows of a class that is one cluster are drawn
        singly, as all rows are with None.

    Yields
    ------
    float64, shape (n,)
        The weights of a class add up to its rows. The same array each time, overwritten: copy it
        to keep it.
    """
    apart = [
        (members, _numbered(members, clusters))
        for members in (np.flatnonzero(classes == each) for each in np.unique(classes)[::-1])
    ]
    weights = np.zeros(len(classes))
    for _ in range(resamples):
        for members, codes in apart:
            weights[members] = _drawn(members, codes, rng)
        yield weights


def _numbered(members: Ints, clusters: Ints | None) -> Ints | None:
    """Number the clusters of some rows from 0; None where rows are drawn singly."""
    if clusters is None:
        return None
    numbers, codes = np.unique(clusters[members], return_inverse=True)
    return codes.astype(np.int64) if 1 < len(numbers) < len(members) else None


def _drawn(members: Ints, codes: Ints | None, rng: np.random.Generator) -> Floats:
    rows = len(members)
    if codes is None:
        return np.bincount(rng.integers(rows, size=rows), minlength=rows).astype(np.float64)
    count = int(codes.max()) + 1
    often = np.bincount(rng.integers(count, size=count - 1), minlength=count)[codes]
    return np.asarray(often * (rows / often.sum()), dtype=np.float64)


def affordable_resamples(rows: int, most: int = 200) -> int:
    """Return how many resamples of this many rows take seconds, not minutes.

    Intervals of many rows are narrow, so fewer resamples are precise enough.
    """
    return min(most, max(_FEWEST, _MOST_ROWS_DRAWN // max(rows, 1)))


def check_resampling(resamples: int, confidence: float) -> None:
    """Check the options of a bootstrap.

    Raises
    ------
    ParameterError
        If ``resamples`` is below 1 or ``confidence`` does not lie between 0 and 1.
    """
    if resamples < 1:
        raise ParameterError(f"resamples must be at least 1, got {resamples}")
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence must lie between 0 and 1, got {confidence}")

"""The stratified bootstrap behind every interval.

Attacks and benign rows are drawn apart, so that each resample keeps the share of attacks, on which
average precision depends. A resample is a weight per row, and the scores are sorted once: a curve
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
    **{name: partial(recall_at, target_fpr=rate) for name, rate in FIXED_FPRS.items()},
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
    classes: Bools | Ints, resamples: int, rng: np.random.Generator
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

    Yields
    ------
    float64, shape (n,)
        The same array each time, overwritten: copy it to keep it.
    """
    apart = [np.flatnonzero(classes == each) for each in np.unique(classes)[::-1]]
    weights = np.zeros(len(classes))
    for _ in range(resamples):
        for members in apart:
            picked = rng.integers(len(members), size=len(members))
            weights[members] = np.bincount(picked, minlength=len(members))
        yield weights


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

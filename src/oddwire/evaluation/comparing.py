"""Is one detector better than another, or is it luck? A paired, stratified bootstrap.

Both detectors scored the same rows, so their errors go together; drawing the same rows for both
keeps that, and the interval of the *difference* is far narrower than two intervals apart. Attacks
and benign rows are drawn apart, so that each resample keeps the share of attacks, on which average
precision depends (Efron & Tibshirani 1993, ch. 16; Boyd, Eng & Page 2013 on intervals for areas
under precision-recall curves).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.metrics import (
    Bools,
    Curve,
    Floats,
    Ints,
    average_precision,
    check_scores,
    known_labels,
    roc_auc,
)

Metric = Literal["average_precision", "roc_auc"]
_METRICS = {"average_precision": average_precision, "roc_auc": roc_auc}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Challenger minus champion in one metric, with a percentile interval.

    ``share_better`` is the share of resamples in which the challenger is strictly ahead.
    """

    metric: Metric
    challenger: float
    champion: float
    estimate: float
    low: float
    high: float
    confidence: float
    resamples: int
    share_better: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


class WeightedRanking:
    """Scores sorted once, whose metrics under ever new row weights cost O(n) each.

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
        ends = np.append(np.diff(ranked) != 0, True)  # the last row ends a tie
        self.ends: Ints = np.flatnonzero(ends)
        self.thresholds: Floats = ranked[self.ends]

    def measure(self, weights: Floats, metric: Metric) -> float:
        """Return the metric where row i counts ``weights[i]`` times."""
        ranked = weights[self.order]
        attacks = np.cumsum(ranked * self.attack)[self.ends]
        total = np.cumsum(ranked)[self.ends]
        drawn = total > 0  # above the first drawn row there is no precision to speak of
        curve = Curve(self.thresholds[drawn], attacks[drawn], (total - attacks)[drawn])
        return _METRICS[metric](curve)


def paired_bootstrap(
    labels: Any,
    challenger: Any,
    champion: Any,
    *,
    metric: Metric = "average_precision",
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Estimate how much better the challenger ranks the same rows.

    Parameters
    ----------
    labels
        0, 1 or missing per row, shape (n,); rows without a label are left out.
    challenger, champion
        Finite anomaly scores of the two, each of shape (n,). Only their order matters.
    metric
        ``average_precision`` or ``roc_auc``.
    resamples
        How many times the rows are drawn again, at least 1.
    confidence
        Probability that the two-sided percentile interval is to cover, between 0 and 1.
    seed
        Makes the draws repeat.

    Raises
    ------
    DataError
        If lengths differ, a score is not finite, or the labelled rows hold one class alone.
    ParameterError
        If the metric is unknown, or ``resamples`` or ``confidence`` is out of range.
    """
    _check_options(metric, resamples, confidence)
    scores = check_scores(challenger), check_scores(champion)
    if len(scores[0]) != len(scores[1]):
        raise DataError(
            f"both score the same rows, got {len(scores[0])} and {len(scores[1])} scores"
        )
    known, attack = known_labels(labels, len(scores[0]))
    if attack.all() or not attack.any():
        raise DataError("a comparison needs labelled rows of both classes")
    rankings = [WeightedRanking(attack, each[known]) for each in scores]
    ones = np.ones(len(attack))
    values = [ranking.measure(ones, metric) for ranking in rankings]
    drawn = _resampled(rankings, attack, metric, resamples, np.random.default_rng(seed))
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Difference(
        metric=metric,
        challenger=values[0],
        champion=values[1],
        estimate=values[0] - values[1],
        low=float(low),
        high=float(high),
        confidence=confidence,
        resamples=resamples,
        share_better=float(np.mean(drawn > 0)),
    )


def _check_options(metric: str, resamples: int, confidence: float) -> None:
    if metric not in _METRICS:
        known = ", ".join(get_args(Metric))
        raise ParameterError(f"metric must be one of {known}, got {metric!r}")
    if resamples < 1:
        raise ParameterError(f"resamples must be at least 1, got {resamples}")
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence must lie between 0 and 1, got {confidence}")


def _resampled(
    rankings: list[WeightedRanking],
    attack: Bools,
    metric: Metric,
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    classes = np.flatnonzero(attack), np.flatnonzero(~attack)
    weights = np.zeros(len(attack))
    differences = np.empty(resamples)
    for draw in range(resamples):
        for members in classes:
            picked = rng.integers(len(members), size=len(members))
            weights[members] = np.bincount(picked, minlength=len(members))
        ahead, behind = (ranking.measure(weights, metric) for ranking in rankings)
        differences[draw] = ahead - behind
    return differences

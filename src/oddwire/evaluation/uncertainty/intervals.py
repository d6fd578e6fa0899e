"""An interval for every metric of an `Evaluation`.

Intervals of metrics are percentile intervals of a stratified bootstrap (Efron & Tibshirani 1993,
chapter 13), drawn by clusters of rows (`clusters`) where these are known. Where they are not,
metrics at the threshold are functions of two binomial counts, the attacks found and the false
alarms, which are drawn directly. The bootstrap interval of a share of 0 or 1 has no width, which
would claim certainty: the observed false-positive rate and the recall, of which there may be few
clusters, get the intervals of `clustered`, and of single rows the exact one of Clopper & Pearson
(1934).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.evaluation.metrics import (
    Bools,
    Confusion,
    Evaluation,
    Floats,
    alert_metrics,
    check_scores,
    known_labels,
    recall_at,
)
from oddwire.evaluation.uncertainty.by_clusters import (
    clustered_shares,
    drawn_metrics,
    kinds_of_clusters,
)
from oddwire.evaluation.uncertainty.clustered import CONFIDENCE, Interval, exact_interval
from oddwire.evaluation.uncertainty.resampling import (
    RANKING_METRICS,
    WeightedRanking,
    check_resampling,
    stratified_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oddwire.evaluation.metrics import Curve, Ints

RESAMPLES = 200
_BAND_DRAWS = 1000


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """An interval for each metric that the rows define.

    ``bounds`` holds them by the metric's name; ``undefined`` says why a metric has none.
    ``clusters`` counts the clusters that were drawn; None where rows were.
    """

    confidence: float
    resamples: int
    clusters: int | None = None
    bounds: Mapping[str, Interval]
    undefined: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "confidence": self.confidence,
            "resamples": self.resamples,
            "clusters": self.clusters,
            "bounds": {name: bound._asdict() for name, bound in self.bounds.items()},
            "undefined": dict(self.undefined),
        }


def chance_band(
    levels: Floats, rows: int, calibration_rows: int | None, *, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return the shares between which 95 % of samples lie by chance alone, level by level.

    Parameters
    ----------
    levels
        Target false-positive rates in (0, 1], shape (n,).
    rows
        Benign rows that are counted.
    calibration_rows
        Benign rows that the p-values are calibrated on, None for infinitely many.
    seed
        Seeds the draws: quantiles of the beta-binomial distribution are slow to compute.

    Returns
    -------
    tuple of float64 arrays, each of shape (n,)
        The lower and the upper end.
    """
    rng = np.random.default_rng(seed)
    true = np.broadcast_to(levels, (_BAND_DRAWS, len(levels)))
    if calibration_rows is not None:
        least = levels * (calibration_rows + 1)
        rest = np.maximum((1 - levels) * (calibration_rows + 1), 1e-9)
        true = rng.beta(least, rest, size=(_BAND_DRAWS, len(levels)))
    drawn = rng.binomial(rows, np.clip(true, 0, 1)) / rows
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return low, high


def bootstrap_intervals(
    labels: Any,
    scores: Any,
    evaluation: Evaluation,
    *,
    clusters: Ints | None = None,
    families: Ints | None = None,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Intervals:
    """Return an interval for every metric of an evaluation.

    Parameters
    ----------
    labels, scores
        The rows that were evaluated, each of shape (n,).
    evaluation
        What `metrics.evaluate` made of them.
    clusters
        The number of each row's cluster, shape (n,): see `clusters.clusters_of`. None takes every
        row for independent.
    families
        Attack family of each row, shape (n,); families are drawn apart. None takes all attacks for
        one.
    resamples
        How many times the rows are resampled, at least 1. The cost is O(resamples * n).
    confidence
        Coverage of the two-sided intervals, between 0 and 1.
    seed
        Seeds the draws.

    Raises
    ------
    DataError
        If a score is not finite, or labels and scores differ in length.
    ParameterError
        If ``resamples`` or ``confidence`` is out of range.
    """
    check_resampling(resamples, confidence)
    scores = check_scores(scores)
    known, attack = known_labels(labels, len(scores))
    rng = np.random.default_rng(seed)
    if clusters is None:
        shares, drawn = _row_by_row(attack, scores[known], evaluation, confidence, resamples, rng)
    else:
        mine = clusters[known]
        kinds = kinds_of_clusters(attack, None if families is None else families[known], mine)
        alert = scores[known] >= evaluation.threshold
        shares = clustered_shares(attack, alert, mine, kinds, confidence)
        drawn = drawn_metrics(
            attack, scores[known], mine, kinds, threshold=evaluation.threshold,
            alert_p_value=evaluation.alert_p_value, resamples=resamples, rng=rng,
        )  # fmt: skip
    bounds = _bounds(evaluation, shares, drawn, confidence)
    without = {
        name: "no resample holds an alert"
        for name, value in evaluation.figures.items()
        if value is not None and name not in bounds
    }
    return Intervals(
        confidence=confidence, resamples=resamples, clusters=_count(clusters, known),
        bounds=bounds, undefined={**evaluation.undefined, **without},
    )  # fmt: skip


def _bounds(
    evaluation: Evaluation,
    shares: Mapping[str, Interval],
    drawn: Mapping[str, Floats],
    confidence: float,
) -> dict[str, Interval]:
    """Return the interval of each metric that has a value, by its share or by its draws."""
    bounds: dict[str, Interval] = {}
    for name, value in evaluation.figures.items():
        if value is None:
            continue
        if name in shares:
            bounds[name] = shares[name]
        elif np.isfinite(drawn[name]).any():
            # A resample without an alert has no precision: it is left out.
            ends = np.nanquantile(drawn[name], [(1 - confidence) / 2, (1 + confidence) / 2])
            bounds[name] = Interval(*ends.tolist())
    return bounds


def _count(clusters: Ints | None, known: Bools) -> int | None:
    return None if clusters is None else len(np.unique(clusters[known]))


def _row_by_row(
    attack: Bools, scores: Floats, evaluation: Evaluation, confidence: float, resamples: int,
    rng: np.random.Generator,
) -> tuple[dict[str, Interval], dict[str, Floats]]:  # fmt: skip
    """Return exact shares and drawn metrics where every row is independent."""
    tn, fp, *_ = evaluation.confusion
    shares = {"false_positive_rate": exact_interval(fp, tn + fp, confidence)} if tn + fp else {}
    drawn = _drawn_alerts(evaluation.confusion, resamples, rng)
    if attack.any() and not attack.all():
        drawn |= _drawn_rankings(attack, scores, evaluation.alert_p_value, resamples, rng)
    return shares, drawn


def _drawn_alerts(
    confusion: Confusion, resamples: int, rng: np.random.Generator
) -> dict[str, Floats]:
    tn, fp, fn, tp = confusion
    attacks, benign = fn + tp, tn + fp
    found = rng.binomial(attacks, tp / attacks if attacks else 0.0, size=resamples)
    alarms = rng.binomial(benign, fp / benign if benign else 0.0, size=resamples)
    return alert_metrics(benign - alarms, alarms, attacks - found, found)


def _drawn_rankings(
    attack: Bools, scores: Floats, alert_p_value: float, resamples: int, rng: np.random.Generator
) -> dict[str, Floats]:
    order = np.argsort(-scores, kind="stable")  # a million rows in order are read far faster
    attack, scores = attack[order], scores[order]
    ranking = WeightedRanking(attack, scores)
    own = partial(recall_at, most=alert_p_value)
    measures: Mapping[str, Callable[[Curve], float]] = {**RANKING_METRICS, "recall_at_fpr": own}
    drawn = [
        {name: measure(ranking.curve(weights)) for name, measure in measures.items()}
        for weights in stratified_weights(attack, resamples, rng)
    ]
    return {name: np.array([values[name] for values in drawn]) for name in drawn[0]}

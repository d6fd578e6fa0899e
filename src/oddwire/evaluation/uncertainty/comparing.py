"""Is one detector better than another, or is it chance? A paired, stratified bootstrap.

Both detectors scored the same rows, so their errors go together; drawing the same rows for both
keeps that, and the interval of the *difference* is far narrower than two intervals apart. Where
rows come in clusters (`clusters`), clusters are drawn: one campaign is one observation. Attacks
and benign rows are drawn apart, so that each resample keeps the share of attacks, on which average
precision depends (Efron & Tibshirani 1993, ch. 16; Boyd, Eng & Page 2013 on intervals for areas
under precision-recall curves).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.metrics import (
    Bools,
    Floats,
    Ints,
    alert_metrics,
    check_scores,
    known_labels,
)
from oddwire.evaluation.uncertainty.resampling import (
    RANKING_METRICS,
    Metric,
    WeightedRanking,
    check_resampling,
    stratified_weights,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

LOWER_IS_BETTER = {"false_positive_rate"}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Challenger minus champion in one metric, with a percentile interval.

    ``share_better`` is the share of resamples in which the challenger is strictly better: higher,
    or lower in a false-positive rate.
    """

    metric: str
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


def paired_rankings(
    labels: Any,
    challenger: Any,
    champion: Any,
    *,
    metrics: Sequence[Metric],
    clusters: Ints | None = None,
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Difference, ...]:
    """Estimate how much better the challenger ranks the same rows.

    Parameters
    ----------
    labels
        0, 1 or missing per row, shape (n,); rows without a label are left out.
    challenger, champion
        Finite anomaly scores of each, higher = more anomalous, shape (n,). Only their order
        matters.
    metrics
        What is measured, all from one set of draws.
    clusters
        The number of each row's cluster, shape (n,), by which rows are drawn (`clusters_of`); None
        draws them singly.
    resamples
        How many times the rows are resampled, at least 1.
    confidence
        Coverage of the two-sided percentile interval, between 0 and 1.
    seed
        Seeds the draws.

    Raises
    ------
    DataError
        If lengths differ, a score is not finite, or the labelled rows hold one class alone.
    ParameterError
        If a metric is unknown, or ``resamples`` or ``confidence`` is out of range.
    """
    for metric in metrics:
        if metric not in RANKING_METRICS:
            known_metrics = ", ".join(get_args(Metric))
            raise ParameterError(f"metric must be one of {known_metrics}, got {metric!r}")
    check_resampling(resamples, confidence)
    scores = check_scores(challenger), check_scores(champion)
    known, attack = _labels_of_both(labels, *scores)
    rankings = [WeightedRanking(attack, each[known]) for each in scores]
    values = [_measured(ranking, np.ones(len(attack)), metrics).tolist() for ranking in rankings]
    drawn = np.array([
        np.subtract(*(_measured(ranking, weights, metrics) for ranking in rankings))
        for weights in stratified_weights(
            attack, resamples, np.random.default_rng(seed), _of(clusters, known)
        )
    ])  # fmt: skip
    return tuple(
        summarise(metric, ahead, behind, drawn[:, at], confidence)
        for at, (metric, ahead, behind) in enumerate(zip(metrics, *values, strict=True))
    )


def paired_alerts(
    labels: Any,
    challenger: Any,
    champion: Any,
    *,
    clusters: Ints | None = None,
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Difference, ...]:
    """Estimate how the alerts of two detectors on the same rows differ, each at its threshold.

    The metrics depend on how many rows of each class both, one or none of them raised. In a
    stratified bootstrap of single rows these counts are multinomial, so they are drawn directly.

    Parameters
    ----------
    labels
        As of `paired_rankings`.
    challenger, champion
        Whether each row is an alert, booleans of shape (n,).
    clusters, resamples, confidence, seed
        As of `paired_rankings`.

    Returns
    -------
    tuple of Difference
        One per metric of `metrics.ALERT_METRICS` that both define.

    Raises
    ------
    DataError
        If lengths differ, or the labelled rows hold one class alone.
    ParameterError
        If ``resamples`` or ``confidence`` is out of range.
    """
    check_resampling(resamples, confidence)
    alerts = [np.asarray(each, dtype=bool) for each in (challenger, champion)]
    known, attack = _labels_of_both(labels, *alerts)
    kinds = 2 * alerts[0][known] + alerts[1][known]
    rng = np.random.default_rng(seed)
    # Row 0 of each holds the observed counts, the others the drawn ones.
    positive, negative = (
        _counts_and_draws(kinds[rows], _of(clusters, known, rows), resamples, rng)
        for rows in (attack, ~attack)
    )
    ahead, behind = (
        alert_metrics(
            negative[:, quiet].sum(axis=1), negative[:, loud].sum(axis=1),
            positive[:, quiet].sum(axis=1), positive[:, loud].sum(axis=1),
        )
        for quiet, loud in (([0, 1], [2, 3]), ([0, 2], [1, 3]))
    )  # fmt: skip
    return tuple(
        summarise(
            name, float(ahead[name][0]), float(behind[name][0]),
            (ahead[name] - behind[name])[1:], confidence,
        )
        for name in ahead
        if np.isfinite(ahead[name]).all() and np.isfinite(behind[name]).all()
    )  # fmt: skip


def _labels_of_both(labels: Any, ahead: Any, behind: Any) -> tuple[Bools, Bools]:
    if len(ahead) != len(behind):
        raise DataError(f"both score the same rows, got {len(ahead)} and {len(behind)} scores")
    known, attack = known_labels(labels, len(ahead))
    if attack.all() or not attack.any():
        raise DataError("a comparison needs labelled rows of both classes")
    return known, attack


def _measured(ranking: WeightedRanking, weights: Floats, metrics: Sequence[Metric]) -> Floats:
    curve = ranking.curve(weights)
    return np.array([RANKING_METRICS[metric](curve) for metric in metrics])


def _counts_and_draws(
    kinds: Ints, clusters: Ints | None, resamples: int, rng: np.random.Generator
) -> Floats:
    """Count rows by their kind of four, as they are and in each draw."""
    counts = np.bincount(kinds, minlength=4)
    if clusters is None:
        drawn = rng.multinomial(len(kinds), counts / len(kinds), size=resamples)
    else:
        one_class = np.zeros(len(kinds), dtype=bool)
        drawn = np.array([
            np.bincount(kinds, weights, minlength=4)
            for weights in stratified_weights(one_class, resamples, rng, clusters)
        ])  # fmt: skip
    return np.vstack([counts, drawn])


def _of(clusters: Ints | None, known: Bools, rows: Bools | slice = slice(None)) -> Ints | None:
    return None if clusters is None else clusters[known][rows]


def summarise(
    metric: str, ahead: float, behind: float, drawn: Floats, confidence: float
) -> Difference:
    """Put what two detectors have, and the differences that resamples drew, into a `Difference`."""
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    better = drawn < 0 if metric in LOWER_IS_BETTER else drawn > 0
    return Difference(
        metric=metric,
        challenger=ahead,
        champion=behind,
        estimate=ahead - behind,
        low=float(low),
        high=float(high),
        confidence=confidence,
        resamples=len(drawn),
        share_better=float(np.mean(better)),
    )

"""Every metric under draws of clusters, and the two shares that need no draws."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from oddwire.evaluation.metrics import alert_metrics, recall_at
from oddwire.evaluation.uncertainty.clustered import (
    CONFIDENCE,
    ClusteredCount,
    Interval,
    exact_interval,
    share_interval,
    sums,
)
from oddwire.evaluation.uncertainty.resampling import (
    RANKING_METRICS,
    WeightedRanking,
    stratified_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from oddwire.evaluation.metrics import Bools, Curve, Floats, Ints

_BENIGN = -1


def clustered_shares(
    attack: Bools, alert: Bools, clusters: Ints, kinds: Ints, confidence: float
) -> dict[str, Interval]:
    """Return the intervals of the false-positive rate and the recall, as far as they are defined.

    Parameters
    ----------
    attack, alert, clusters
        Of each row, shape (n,).
    kinds
        What `kinds_of_clusters` gave.
    confidence
        Coverage, between 0 and 1.
    """
    shares = {}
    if not attack.all():
        benign = ~attack
        alarms = alert[benign].astype(np.float64)
        counted = ClusteredCount.of(alarms, np.ones(len(alarms)), clusters[benign])
        shares["false_positive_rate"] = counted.interval(confidence)
    if attack.any():
        mine = clusters[attack]
        shares["recall"] = recall_interval(alert[attack], mine, kinds[attack], confidence)
    return shares


def recall_interval(
    found: Bools,
    clusters: Ints | None,
    kinds: Ints | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Return the interval of the share of attack rows that are found.

    Parameters
    ----------
    found
        Of each attack row, shape (n,).
    clusters
        The number of each row's cluster, shape (n,); None takes every row for independent.
    kinds
        The number of each row's family, shape (n,), which are strata; None for one.
    confidence
        Coverage, between 0 and 1.
    """
    if clusters is None:
        return exact_interval(int(np.count_nonzero(found)), len(found), confidence)
    _, first, codes = np.unique(clusters, return_index=True, return_inverse=True)
    hits, rows = sums(codes, found.astype(np.float64)), sums(codes, np.ones(len(codes)))
    return share_interval(hits, rows, None if kinds is None else kinds[first], confidence)


def kinds_of_clusters(attack: Bools, families: Any, clusters: Ints) -> Ints:
    """Number the attack families of rows, those of one cluster alone as one, benign rows as -1.

    A family of one campaign says nothing of how its campaigns differ.

    Parameters
    ----------
    attack, clusters
        Of each row, shape (n,).
    families
        Attack family of each row, missing where it has no name, shape (n,); None takes all attacks
        for one.
    """
    kinds = np.full(len(attack), _BENIGN)
    if families is None:
        kinds[attack] = 0
        return kinds
    codes = pd.factorize(pd.Series(families, dtype=object)[attack])[0] + 1  # 0 has no name
    pairs = pd.DataFrame({"kind": codes, "cluster": clusters[attack]}).drop_duplicates()
    counts = np.bincount(pairs["kind"], minlength=codes.max(initial=0) + 1)
    kinds[attack] = np.where(counts[codes] > 1, codes, 0)
    return kinds


def drawn_metrics(
    attack: Bools,
    scores: Floats,
    clusters: Ints,
    kinds: Ints,
    *,
    threshold: float,
    alert_p_value: float,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Return every metric in each resample, by its name.

    Parameters
    ----------
    attack, scores, clusters, kinds
        Of each row, shape (n,).
    threshold, alert_p_value
        As of `metrics.evaluate`.
    resamples
        How many draws. The cost is O(resamples * n).
    rng
        Source of the draws.
    """
    order = np.argsort(-scores, kind="stable")  # a million rows in order are read far faster
    attack, scores = attack[order], scores[order]
    clusters, kinds = clusters[order], kinds[order]
    ranking = WeightedRanking(attack, scores) if attack.any() and not attack.all() else None
    own = partial(recall_at, most=alert_p_value)
    measures: Mapping[str, Callable[[Curve], float]] = {**RANKING_METRICS, "recall_at_fpr": own}
    alerts = int(np.count_nonzero(scores >= threshold))  # the first ones
    found, rows = [], []
    for weights in stratified_weights(kinds, resamples, rng, clusters):
        true = float(weights[:alerts] @ attack[:alerts])
        false = float(weights[:alerts].sum()) - true
        rows.append((false, true))
        if ranking is not None:
            curve = ranking.curve(weights)
            found.append({name: measure(curve) for name, measure in measures.items()})
    fp, tp = np.array(rows).T
    attacks = int(attack.sum())
    drawn = alert_metrics(len(attack) - attacks - fp, fp, attacks - tp, tp)
    names = found[0] if found else ()
    return drawn | {name: np.array([values[name] for values in found]) for name in names}

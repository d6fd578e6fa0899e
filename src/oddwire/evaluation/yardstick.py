"""The one yardstick: what detectors are chosen by, and what a challenger beats the champion by.

It is the mean over attack families of the log AUC: the area under the ROC curve of a family against
all benign rows, over the logarithm of the false-positive rate, from 0.3 % on. From 1 % to 10 %
counts as much as from 10 % to 100 %, so attacks found at few false alarms count for more than in
the ROC AUC; a family counts the same however many rows it has; and the share of attacks plays no
part. ``docs/decisions/0017-one-yardstick.md`` has the reasons. Whoever changes the yardstick
changes this file, and nothing else.

References
----------
Mysinger & Shoichet 2010, *Rapid context-dependent ligand desolvation in molecular docking*
(logAUC).
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.errors import DataError
from oddwire.evaluation.families import BENIGN, kinds_of_attack
from oddwire.evaluation.metrics import check_scores
from oddwire.evaluation.uncertainty.comparing import Difference, summarise
from oddwire.evaluation.uncertainty.resampling import check_resampling, stratified_weights

if TYPE_CHECKING:
    from oddwire.evaluation.metrics import Floats, Ints

NAME = "family_log_auc"  # in metrics, JSON and tables
HEAD = "log AUC"  # where there is little room: in the head of a column, in the name of a run
WORDS = "mean log AUC over attack families, from an FPR of 0.3 %"
_FLOOR = 0.003  # below a typical target FPR: detectors are rarely equal there


def value(labels: Any, scores: Any, families: Any) -> float | None:
    """Return what anomaly scores are worth by the yardstick.

    Parameters
    ----------
    labels
        0, 1 or missing per row, shape (n,); rows without a label are left out. None where no row
        has one.
    scores
        Finite anomaly scores, higher = more anomalous, shape (n,).
    families
        Attack family per row, shape (n,); None where the source names none: all attacks are one
        family then. Families of few rows count as one together (`families.kinds_of_attack`).

    Returns
    -------
    float or None
        From 0 to 1, higher = better; random scores have about .17. None without labelled rows of
        both classes.

    Raises
    ------
    DataError
        If a score is not finite, a label is neither 0, 1 nor missing, or the lengths differ.

    Examples
    --------
    >>> round(value([0, 0, 0, 1, 1], [0.1, 0.2, 0.9, 0.8, 1.5], None), 3)
    0.595
    """
    known, kinds = kinds_of_attack(labels, families, len(scores))
    scores = check_scores(scores)[known]
    return fmean(by_family(kinds, scores)) if _both_classes(kinds) else None


def by_family(kinds: Ints, scores: Any) -> list[float]:
    """Return the figure of each family, of which the yardstick is the mean.

    Parameters
    ----------
    kinds
        Per row, the number of its family from 0 on, or `families.BENIGN`, shape (n,).
    scores
        Finite anomaly scores, shape (n,).
    """
    scores = check_scores(scores)
    figures: list[float] = _Depths(kinds, scores).by_family(np.ones(len(scores))).tolist()
    return figures


def paired_difference(
    labels: Any,
    challenger: Any,
    champion: Any,
    families: Any,
    *,
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Estimate how much better the challenger ranks the same rows, by a paired bootstrap.

    Each family and the benign rows are drawn apart, the same rows for both detectors.

    Parameters
    ----------
    labels, families
        As of `value`.
    challenger, champion
        Finite anomaly scores of each, shape (n,).
    resamples
        How many times the rows are resampled, at least 1. The cost is O(resamples * n).
    confidence
        Coverage of the two-sided percentile interval, between 0 and 1.
    seed
        Seeds the draws.

    Raises
    ------
    DataError
        If lengths differ, a score is not finite, or the labelled rows hold one class alone.
    ParameterError
        If ``resamples`` or ``confidence`` is out of range.
    """
    check_resampling(resamples, confidence)
    both = check_scores(challenger), check_scores(champion)
    if len(both[0]) != len(both[1]):
        raise DataError(f"both score the same rows, got {len(both[0])} and {len(both[1])} scores")
    known, kinds = kinds_of_attack(labels, families, len(both[0]))
    if not _both_classes(kinds):
        raise DataError("a comparison needs labelled rows of both classes")
    depths = [_Depths(kinds, scores[known]) for scores in both]
    ahead, behind = (float(each.by_family(np.ones(len(kinds))).mean()) for each in depths)
    drawn = np.array([
        np.subtract(*(each.by_family(weights).mean() for each in depths))
        for weights in stratified_weights(kinds, resamples, np.random.default_rng(seed))
    ])  # fmt: skip
    return summarise(NAME, ahead, behind, drawn, confidence)


def _both_classes(kinds: Ints) -> bool:
    benign = kinds == BENIGN
    return bool(benign.any() and not benign.all())


class _Depths:
    """Where each attack stands among the benign rows, so that new row weights cost O(n).

    The area is the mean over attacks of how far below 1 lies the share of benign rows that score at
    least as high, on a logarithmic scale, ties counting half.
    """

    def __init__(self, kinds: Ints, scores: Floats) -> None:
        benign = np.flatnonzero(kinds == BENIGN)
        self.attacks: Ints = np.flatnonzero(kinds != BENIGN)
        self.kinds: Ints = kinds[self.attacks]
        self.benign: Ints = benign[np.argsort(-scores[benign], kind="stable")]
        ranked, sought = -scores[self.benign], -scores[self.attacks]
        self.above: Ints = np.searchsorted(ranked, sought, side="left")
        self.up_to: Ints = np.searchsorted(ranked, sought, side="right")

    def by_family(self, weights: Floats) -> Floats:
        """Return each family's area where row i counts ``weights[i]`` times."""
        counted = np.concatenate([[0.0], np.cumsum(weights[self.benign])])
        share = (counted[self.above] + counted[self.up_to]) / 2 / counted[-1]
        depth = np.log(np.maximum(share, _FLOOR)) / np.log(_FLOOR)
        mine = weights[self.attacks]
        areas: Floats = np.bincount(self.kinds, mine * depth) / np.bincount(self.kinds, mine)
        return areas

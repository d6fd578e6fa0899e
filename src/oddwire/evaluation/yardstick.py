"""The one yardstick: what detectors are chosen by, and what a challenger beats the champion by.

It is the recall at few false alarms: the mean of the share of attack rows found, and of the mean
over campaigns of that share, averaged over all levels of false alarms from 0.25 % to 4 % of the
benign units, evenly on a logarithmic scale. A unit is what people count false alarms by (a source
in ten minutes, see `oddwire.traffic.units`), so that one busy host is not a thousand false alarms;
where rows have no source, a unit is a row. Where an attack's campaign is not known, its family
stands for it. A campaign counts the same however many rows it has, and the share of attacks plays
no part.

A single level would hang on the score of a few benign rows; a mean over levels around those that
people ask for lost least, and so did units: ``docs/decisions/0030-the-yardstick-in-units.md``.
Whoever changes the yardstick changes this file, and nothing else.

References
----------
Mysinger & Shoichet 2010, *Rapid context-dependent ligand desolvation in molecular docking* (areas
over the logarithm of the rate).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from oddwire.errors import DataError
from oddwire.evaluation.families import BENIGN, kinds_of_attack
from oddwire.evaluation.metrics import check_scores
from oddwire.evaluation.uncertainty.comparing import Difference, summarise
from oddwire.evaluation.uncertainty.resampling import check_resampling, stratified_weights

if TYPE_CHECKING:
    from typing import Any

    from oddwire.evaluation.metrics import Bools, Floats, Ints
    from oddwire.evaluation.scored_rows import ScoredRows

NAME = "mean_recall"  # in metrics, JSON and tables
HEAD = "mean recall"  # where there is little room: in the head of a column, in the name of a run
WORDS = "mean recall of rows and campaigns (or families) at 0.25 % to 4 % of benign units"
LOWEST, HIGHEST = 0.0025, 0.04  # shares of benign units: four times about 1 %, and a quarter


def value(rows: ScoredRows) -> float | None:
    """Return what a detector's scores of rows are worth by the yardstick.

    Parameters
    ----------
    rows
        Scored rows; those without a label are left out.

    Returns
    -------
    float or None
        From 0 to 1, higher = better; random scores have about .014. None without labelled rows of
        both classes.

    Raises
    ------
    DataError
        If a score is not finite, a label is neither 0, 1 nor missing, or the lengths differ.

    Examples
    --------
    >>> from oddwire.evaluation.scored_rows import ScoredRows
    >>> scores = np.append(np.arange(100.0), [98.5, 200.0])
    >>> rows = ScoredRows(np.repeat([0, 1], [100, 2]), scores, None)
    >>> round(value(rows), 3)
    0.75
    """
    cases = _Cases.of(rows)
    return cases.depths(rows.scores).mean(cases.ones()) if cases.both_classes else None


def paired_difference(
    challenger: ScoredRows,
    champion: ScoredRows,
    *,
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Estimate how much better the challenger ranks the same rows, by a paired bootstrap.

    Clusters of rows are drawn (`ScoredRows.clusters`), the same for both detectors, benign rows
    and attacks apart; where rows have no clusters, rows are drawn within each family.

    Parameters
    ----------
    challenger, champion
        Scores of the same rows. What is known of the rows is taken from the challenger's.
    resamples
        How many times they are resampled, at least 1. The cost is O(resamples * n).
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
    if len(challenger.scores) != len(champion.scores):
        raise DataError(
            f"both score the same rows, got {len(challenger.scores)} and {len(champion.scores)} "
            "scores"
        )
    cases = _Cases.of(challenger)
    if not cases.both_classes:
        raise DataError("a comparison needs labelled rows of both classes")
    ahead, behind = (cases.depths(each.scores) for each in (challenger, champion))
    random = np.random.default_rng(seed)
    drawn = np.array([
        ahead.mean(weights) - behind.mean(weights)
        for weights in stratified_weights(cases.strata, resamples, random, cases.clusters)
    ])  # fmt: skip
    every = cases.ones()
    return summarise(NAME, ahead.mean(every), behind.mean(every), drawn, confidence)


@dataclass(frozen=True, eq=False)
class _Cases:
    """Labelled rows as the yardstick counts them.

    Parameters
    ----------
    known
        Which of all rows have a label, shape (n,).
    attacks
        Places among the labelled rows, m, of the a attacks, shape (a,).
    groups
        The number of each attack's campaign or family, from 0, shape (a,).
    benign
        Places of the b benign rows, shape (b,).
    units
        The number of each benign row's unit, from 0, shape (b,).
    strata, clusters
        Of the labelled rows, by which they are drawn, shape (m,); clusters None draws single rows.
    """

    known: Bools
    attacks: Ints
    groups: Ints
    benign: Ints
    units: Ints
    strata: Ints
    clusters: Ints | None

    @classmethod
    def of(cls, rows: ScoredRows) -> _Cases:
        known, kinds = kinds_of_attack(rows.labels, rows.attack, len(rows.scores))
        attacks, benign = np.flatnonzero(kinds != BENIGN), np.flatnonzero(kinds == BENIGN)
        groups = _groups(rows, known, attacks, kinds)
        clusters = None if rows.clusters is None else rows.clusters[known]
        # Campaigns of a family are drawn from all campaigns: a family may have one alone.
        strata = kinds if clusters is None else np.where(kinds == BENIGN, BENIGN, 0)
        units = benign if rows.units is None else rows.units.codes[known][benign]
        numbered = pd.factorize(units)[0]
        return cls(known, attacks, groups, benign, numbered, strata, clusters)

    @property
    def both_classes(self) -> bool:
        return len(self.attacks) > 0 and len(self.benign) > 0

    def ones(self) -> Floats:
        return np.ones(len(self.strata))

    def depths(self, scores: Any) -> _Depths:
        return _Depths(self, check_scores(scores)[self.known])


def _groups(rows: ScoredRows, known: Bools, attacks: Ints, kinds: Ints) -> Ints:
    """Number the campaigns of attacks, and the families of those whose campaign is not known."""
    families = kinds[attacks]
    if rows.campaign is None:
        return families
    campaigns, names = pd.factorize(np.asarray(rows.campaign, dtype=object)[known][attacks])
    mixed = np.where(campaigns >= 0, campaigns, families + len(names))
    return np.unique(mixed, return_inverse=True)[1].astype(np.int64)


class _Depths:
    """How much of the range of levels finds each attack, so that new row weights cost O(n).

    An attack is found at a level where the share of benign units whose worst row scores at least
    as high, ties counting half, is at most the level.
    """

    def __init__(self, cases: _Cases, scores: Floats) -> None:
        self.cases = cases
        self.unit_sizes = np.bincount(cases.units)
        worst = np.full(len(self.unit_sizes), -np.inf)
        np.maximum.at(worst, cases.units, scores[cases.benign])
        self.order: Ints = np.argsort(-worst, kind="stable")
        ranked, sought = -worst[self.order], -scores[cases.attacks]
        self.above: Ints = np.searchsorted(ranked, sought, side="left")
        self.up_to: Ints = np.searchsorted(ranked, sought, side="right")
        self.sizes = np.bincount(cases.groups)

    def mean(self, weights: Floats) -> float:
        """Return the yardstick where row i counts ``weights[i]`` times."""
        found = self._values(weights)
        mine = weights[self.cases.attacks]
        # A group weighs as much as its rows do on the mean: as often as it is drawn.
        each, all_of_it = (
            np.bincount(self.cases.groups, counted) / self.sizes for counted in (mine * found, mine)
        )
        return float((mine @ found / mine.sum() + each.sum() / all_of_it.sum()) / 2)

    def _values(self, weights: Floats) -> Floats:
        # A unit counts as often as its rows are drawn on the mean: where clusters are stretches of
        # time, its worst row alone may be in none that is drawn.
        units = np.bincount(self.cases.units, weights[self.cases.benign]) / self.unit_sizes
        counted = np.concatenate([[0.0], np.cumsum(units[self.order])])
        share = (counted[self.above] + counted[self.up_to]) / 2 / counted[-1]
        below = np.log(HIGHEST / np.maximum(share, LOWEST)) / np.log(HIGHEST / LOWEST)
        found: Floats = np.maximum(below, 0.0)
        return found

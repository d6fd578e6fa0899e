"""Intervals of shares and of counts whose events come in clusters.

A bootstrap of few clusters is too narrow, and has no width at all where nothing was counted. Two
intervals that have neither fault are used instead:

* *False alarms* are rare, and some clusters raise many: their count is a weighted sum of Poisson
  counts, and gets the interval of Fay & Feuer (1997, *Confidence intervals for directly
  standardized rates*), whose upper end reckons with one more cluster like the worst one seen. As a
  share of units or rows it is the beta distribution of the same mean and variance.
* *Attacks found*, by campaigns, get the interval of Clopper & Pearson with the effective number of
  rows (Korn & Graubard 1998, *Confidence intervals for proportions with small expected number of
  positive counts estimated from survey data*).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from oddwire.errors import DataError

if TYPE_CHECKING:
    from oddwire.evaluation.metrics import Floats, Ints

CONFIDENCE = 0.95
_MOST = 1e9  # events: more are not surer, and distributions of infinitely many not computed
_EQUAL = 1e-12  # of a share: clusters that differ by less have the same, but for rounding


class Interval(NamedTuple):
    """The two ends of an interval."""

    low: float
    high: float


class Moments(NamedTuple):
    """Mean and variance of what a rate may be."""

    mean: float
    variance: float

    @property
    def shape(self) -> float:
        """How many equal, independent events are as sure: the shape of a gamma distribution."""
        return min(self.mean**2 / self.variance, _MOST) if self.variance else _MOST


@dataclass(frozen=True, eq=False)
class ClusteredCount:
    """Rare events, counted by clusters.

    Parameters
    ----------
    hits
        Events of each cluster, shape (clusters,).
    sizes
        What each cluster's events are a share of, at least its hits; None for a count.
    burst
        Events that come together even where none was seen, at least 1.
    """

    hits: Floats
    sizes: Floats | None = None
    burst: float = 1.0

    @classmethod
    def of(
        cls, events: Floats, members: Floats | None, clusters: Ints | None, *, burst: float = 1.0
    ) -> ClusteredCount:
        """Count events of n rows, and the members they are a share of, by the rows' clusters."""
        if clusters is None:
            return cls(events, members, burst)
        codes = np.unique(clusters, return_inverse=True)[1]
        sizes = None if members is None else sums(codes, members)
        return cls(sums(codes, events), sizes, burst)

    @property
    def value(self) -> float:
        """The count, or the share."""
        hits = float(self.hits.sum())
        return hits if self.sizes is None else hits / float(self.sizes.sum())

    @property
    def counted(self) -> Moments:
        """Mean and variance of the rate, as counted: what its lower end is made of."""
        return self._moments(0.0)

    @property
    def feared(self) -> Moments:
        """The same with one more cluster like the worst: what its upper end is made of."""
        return self._moments(max(float(self.hits.max(initial=0.0)), self.burst))

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Return the ends between which the true rate lies with a probability."""
        beyond = (1 - confidence) / 2
        # A share of a single cluster says nothing of how others differ from it.
        has_lower_end = self.hits.any() and (self.sizes is None or len(self.hits) > 1)
        low = self._quantile(self.counted, beyond) if has_lower_end else 0.0
        return Interval(low, self._quantile(self.feared, 1 - beyond))

    def _moments(self, more: float) -> Moments:
        hits = float(self.hits.sum()) + more
        if self.sizes is None:
            return Moments(hits, float(self.hits @ self.hits) + more**2)
        size = float(self.sizes.sum()) + more
        mean = hits / size
        off = self.hits - mean * self.sizes
        return Moments(mean, (float(off @ off) + (more * (1 - mean)) ** 2) / size**2)

    def _quantile(self, moments: Moments, level: float) -> float:
        from scipy.stats import beta, gamma  # slow to import

        mean, variance = moments
        if self.sizes is None:
            return float(gamma.ppf(level, moments.shape, scale=variance / mean))
        if mean in (0.0, 1.0) or variance <= (_EQUAL * mean) ** 2:
            return mean
        rows = mean * (1 - mean) / variance - 1
        if rows <= 0:  # as uncertain as a share can be
            return float(level > 1 / 2)
        return float(beta.ppf(level, mean * rows, (1 - mean) * rows))


def exact_interval(hits: int, rows: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of Clopper & Pearson for a share.

    It covers the true share with at least the given probability, whatever the counts.

    Parameters
    ----------
    hits, rows
        The share is ``hits / rows``; there must be a row.
    confidence
        Coverage, between 0 and 1.

    Raises
    ------
    DataError
        If there is no row, or more hits than rows.

    Examples
    --------
    >>> low, high = exact_interval(0, 100)
    >>> low, round(high, 3)
    (0.0, 0.036)
    """
    from scipy.stats import binomtest  # slow to import

    if not 0 <= hits <= rows or rows == 0:
        raise DataError(f"a share needs rows, and no more hits than rows: got {hits} of {rows}")
    ends = binomtest(hits, rows).proportion_ci(confidence, method="exact")
    return Interval(float(ends.low), float(ends.high))


def sums(codes: Ints, values: Floats) -> Floats:
    """Add up values by their codes, numbers from 0."""
    return np.bincount(codes, values).astype(np.float64)


def share_interval(
    hits: Floats, sizes: Floats, strata: Ints | None = None, confidence: float = CONFIDENCE
) -> Interval:
    """Return the interval of Korn & Graubard for the share of rows that are hits.

    Parameters
    ----------
    hits, sizes
        Hits and rows of each cluster, shape (clusters,); there must be a row.
    strata
        The number of each cluster's stratum, such as its attack family: what differs between
        strata makes nothing uncertain, since each would be there again. Those of one cluster alone
        are one stratum together.
    confidence
        Coverage, between 0 and 1.
    """
    from scipy.stats import beta, t  # slow to import

    rows, share = float(sizes.sum()), float(hits.sum() / sizes.sum())
    strata = _together(np.zeros(len(hits), dtype=np.int64) if strata is None else strata)
    variance = _variance(hits - share * sizes, strata) / rows**2
    effective = rows**2 / float(sizes @ sizes)
    if variance > 0:
        effective = min(share * (1 - share) / variance, rows)
    beyond = (1 - confidence) / 2
    freedom = len(hits) - len(np.unique(strata))
    if freedom:
        effective *= float(t.ppf(beyond, max(rows - 1, 1)) / t.ppf(beyond, freedom)) ** 2
    effective = max(effective, 1.0)
    found = share * effective
    return Interval(
        float(beta.ppf(beyond, found, effective - found + 1)) if share > 0 else 0.0,
        float(beta.ppf(1 - beyond, found + 1, effective - found)) if share < 1 else 1.0,
    )


def _together(strata: Ints) -> Ints:
    """Number strata anew, those of one cluster alone as one."""
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    return np.where(counts[codes] > 1, codes, -1)


def _variance(off: Floats, strata: Ints) -> float:
    total = 0.0
    for each in np.unique(strata):
        mine = off[strata == each]
        if len(mine) > 1:
            total += len(mine) / (len(mine) - 1) * float(np.square(mine - mine.mean()).sum())
    return total

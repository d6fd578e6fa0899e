"""False alarms of calibration rows, counted as people count them, and the threshold they allow.

A threshold is lowered from the highest score on for as long as ``1 + count <= allowed``, where the
count is of incidents, units or rows of calibration rows that raise an alert, and ``allowed`` is
the target times the days, units or rows that there are. The 1 stands for the new one that is
judged: with it the target is kept on the mean over calibration sets (Bates, Candès, Lei, Romano &
Sesia 2023 for shares; for incidents that come as a Poisson process, the expected number above the
k-th highest is k).

**No source decides alone.** One that scans all day, or once, would raise the threshold for all
others. So of its incidents or units no more count than

    K = a b + 2 sqrt(a b),  b = max(1/10, 2 w),  and at least 1

with ``a`` those allowed and ``w`` the source's share of the units: a tenth, or twice its share,
and what chance may add (two standard deviations of a count). What that does to validity: where L
units of the n at or above the threshold were not counted, the share of new exchangeable units that
alert is at most

    target + E[L] / (n + 1)

on the mean, and L is told with the threshold. Among exchangeable units K is hardly ever reached.
Where a source goes on to be as noisy as in the calibration rows, its alarms come on top of the
target; whoever knows it leaves it out of alerts. A target in rows counts every row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from oddwire.detection.calibration.conformal import numbers
from oddwire.detection.calibration.tail import FloatArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from oddwire.traffic.units import Units

LARGEST_SHARE = 0.1  # of the alarms allowed that one source may count for
_TIMES_ITS_UNITS = 2.0
_DEVIATIONS = 2.0
_ROUNDING = 1e-9
MOST_NAMED = 5
LEAST_SHARE_NAMED = 0.1
LEAST_ALARMS_NAMED = 3


@dataclass(frozen=True, eq=False)
class Alarms:
    """What may be counted: one is there at a threshold t where ``low < t <= high``.

    Parameters
    ----------
    high, low
        Anomaly scores, shape (m,); ``low < high``.
    sources
        The number of each one's source, shape (m,).
    """

    high: FloatArray
    low: FloatArray
    sources: NDArray[np.int64]

    def at(self, threshold: float) -> NDArray[np.int64]:
        """Return the sources of those that are there at a threshold."""
        found: NDArray[np.int64] = self.sources[(self.low < threshold) & (threshold <= self.high)]
        return found


@dataclass(frozen=True)
class AllowedThreshold:
    """A threshold, and the alarms of calibration rows at it.

    Parameters
    ----------
    threshold
        The lowest score that is an alert.
    alarms
        How many there are.
    not_counted
        Those of them beyond the bound of their source.
    """

    threshold: float
    alarms: int
    not_counted: int


@dataclass(frozen=True)
class NoisySource:
    """A benign source, and its share of the false alarms of calibration rows."""

    source: str
    alarms: int
    share: float


@dataclass(frozen=True, eq=False)
class BenignAlarms:
    """Anomaly scores of benign calibration rows, by their units and sources. Made by `of`.

    It holds addresses, and is not saved with a model.

    Parameters
    ----------
    scores
        Anomaly scores, shape (n,).
    units
        Of the rows.
    """

    scores: FloatArray
    units: Units

    @classmethod
    def of(cls, scores: ArrayLike, units: Units) -> BenignAlarms:
        """Put scores of shape (n,) beside the units of their rows."""
        return cls(numbers(scores), units)

    @cached_property
    def by_unit(self) -> Alarms:
        """The units, each by its worst row."""
        codes = self.units.codes
        count = int(codes.max(initial=-1)) + 1
        worst, sources = np.full(count, -np.inf), np.zeros(count, dtype=np.int64)
        np.maximum.at(worst, codes, self.scores)
        sources[codes] = self.units.sources
        return Alarms(worst, np.full(count, -np.inf), sources)

    @cached_property
    def by_incident(self) -> Alarms:
        """The rows that begin an incident at some threshold."""
        before = self.units.before(self.scores)
        begins = before < self.scores
        return Alarms(self.scores[begins], before[begins], self.units.sources[begins])

    @cached_property
    def by_row(self) -> Alarms:
        """The rows."""
        low = np.full(len(self.scores), -np.inf)
        return Alarms(self.scores, low, self.units.sources)

    def threshold(
        self, alarms: Alarms, allowed: float, *, bounded: bool = True
    ) -> AllowedThreshold:
        """Lower the threshold as far as the alarms allowed.

        Parameters
        ----------
        alarms
            What is counted: `by_unit`, `by_incident` or `by_row`.
        allowed
            How many there may be, the one to be judged included, at least 1.
        bounded
            Whether a source's alarms count up to its bound alone.
        """
        most = math.floor(allowed + _ROUNDING) - 1
        bounds = self._bounds(allowed) if bounded else None
        threshold = _lowest(alarms, most, bounds)
        if threshold is None:  # not even all rows make too many
            threshold = float(self.scores.min())
        by_source = np.bincount(alarms.at(threshold), minlength=1)
        counted = by_source if bounds is None else np.minimum(by_source, bounds[: len(by_source)])
        return AllowedThreshold(
            threshold, int(by_source.sum()), int(by_source.sum() - counted.sum())
        )

    def noisiest(self, alarms: Alarms, threshold: float) -> tuple[NoisySource, ...]:
        """Return the sources with the most alarms, the noisiest first, a few at most.

        Those with more than twice their share of the units, and with more alarms than chance
        gives; none where rows have no source.
        """
        if self.units.kind == "row":
            return ()
        by_source = np.bincount(alarms.at(threshold), minlength=len(self.units.names))
        total = max(by_source.sum(), 1)
        noisy = (
            (by_source >= np.maximum(LEAST_ALARMS_NAMED, LEAST_SHARE_NAMED * total))
            & (by_source > _TIMES_ITS_UNITS * self._shares * total)
        )  # fmt: skip
        first = np.argsort(-by_source * noisy, kind="stable")[:MOST_NAMED]
        return tuple(
            NoisySource(str(self.units.names[at]), int(by_source[at]), float(by_source[at] / total))
            for at in first
            if noisy[at]
        )

    @cached_property
    def _shares(self) -> FloatArray:
        """The share of the units that each source has."""
        sources = self.by_unit.sources
        shares: FloatArray = np.bincount(sources, minlength=len(self.units.names)) / len(sources)
        return shares

    def _bounds(self, allowed: float) -> NDArray[np.int64]:
        """Return how many alarms of each source count at most."""
        usual = allowed * np.maximum(LARGEST_SHARE, _TIMES_ITS_UNITS * self._shares)
        most: NDArray[np.int64] = np.floor(usual + _DEVIATIONS * np.sqrt(usual)).astype(np.int64)
        return np.maximum(most, 1)


def _lowest(alarms: Alarms, most: int, bounds: NDArray[np.int64] | None) -> float | None:
    """Return the lowest threshold down to which no more than so many alarms count; None for any."""
    ends = np.isfinite(alarms.low)
    scores = np.concatenate([alarms.high, alarms.low[ends]])
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    steps = np.repeat([1, -1], [len(alarms.high), int(ends.sum())])[order]
    sources = np.concatenate([alarms.sources, alarms.sources[ends]])[order]
    # Where alarms begin and end at one score, only what is there after all of them counts.
    last = np.append(scores[1:] != scores[:-1], [True])
    limits = np.full(len(order), most + 1) if bounds is None else bounds[sources]
    now = [0] * (int(sources.max(initial=0)) + 1)
    count = 0
    steps_down = zip(sources.tolist(), steps.tolist(), limits.tolist(), last.tolist(), strict=True)
    for at, (source, step, limit, complete) in enumerate(steps_down):
        count -= min(now[source], limit)
        now[source] += step
        count += min(now[source], limit)
        if complete and count > most:
            return math.nextafter(float(scores[at]), math.inf)
    return None

"""Which hours of a week are alike, learned from the reference itself.

Weekends differ from country to country and from trade to trade, and a day begins when it does
where the traffic comes from. So the calendar is the one by which an hour of the reference is best
foretold from the other hours that it calls alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HOUR = 3_600_000_000  # microseconds
THURSDAY = 3  # the epoch began on a Thursday
UNSEEN = 7  # kind of the weekdays that the reference never had
ENOUGH_DAYS = 2  # of a kind: a single one may have been a holiday
ENOUGH_HOURS = 6  # of a day, so that it counts
ENOUGH_ROWS = 30  # of an hour: more make it no more certain
GROUPS = 6  # into which the values of a column fall, here
MAIN, RHYTHM = 20, 3  # directions: in which hours differ most, and of these the most rhythmic
NO_BETTER = 0.93  # share of the error that may be left for days to be told apart


@dataclass(frozen=True)
class Calendar:
    """Which hours are alike: the same hour of days of one kind.

    Parameters
    ----------
    kinds
        Of Monday to Sunday.
    begin
        Hour of the clock at which a day begins.
    """

    STRATA: ClassVar[int] = 24 * (UNSEEN + 1)

    kinds: tuple[int, ...] = (0,) * 7
    begin: int = 0

    def strata(self, hours: Integers) -> Integers:
        """Return one number for all hours that are alike.

        Parameters
        ----------
        hours
            Hours since the epoch.
        """
        kinds = np.array(self.kinds, dtype=np.int64)[self.weekdays(hours)]
        return np.asarray(hours % 24 + 24 * kinds, dtype=np.int64)

    def weekdays(self, hours: Integers) -> Integers:
        """Return 0 for Monday to 6 for Sunday, of days that begin when they do here."""
        return ((hours - self.begin) // 24 + THURSDAY) % 7


def learn_calendar(codes: Integers, time: Integers) -> Calendar:
    """Find out which days of the reference are alike, and when a day begins.

    Parameters
    ----------
    codes
        Shape (rows, columns), as of `Sides`.
    time
        Microseconds since the epoch, ascending.
    """
    hours, place = np.unique(time // HOUR, return_inverse=True)
    weights = np.bincount(place).clip(max=ENOUGH_ROWS).astype(np.float64)
    profile = _rhythm(_composition(codes, place), hours, weights)
    best = Calendar()
    least = _error(best, hours, profile, weights) * NO_BETTER
    for calendar in _candidates(hours):
        error = _error(calendar, hours, profile, weights)
        if error < least:
            best, least = calendar, error
    return _with_unseen_days(best, hours)


def _candidates(hours: Integers) -> Iterator[Calendar]:
    """Yield calendars of which the reference has two days of each kind at least."""
    pairs = [(day, (day + 1) % 7) for day in range(7)]
    weeks = [
        *(tuple(int(day in pair) for day in range(7)) for pair in pairs),
        *(tuple(int(day == one) for day in range(7)) for one in range(7)),
        *(tuple(pair.index(day) + 1 if day in pair else 0 for day in range(7)) for pair in pairs),
        tuple(range(7)),
    ]
    for begin in range(24):
        have = _days(Calendar(begin=begin), hours)
        for kinds in weeks:
            days = np.bincount(np.array(kinds), weights=have)
            if days.min() >= ENOUGH_DAYS:
                yield Calendar(kinds, begin)


def _days(calendar: Calendar, hours: Integers) -> Integers:
    """Return how many Mondays to Sundays there are."""
    days, counts = np.unique((hours - calendar.begin) // 24, return_counts=True)
    return np.bincount((days[counts >= ENOUGH_HOURS] + THURSDAY) % 7, minlength=7)


def _with_unseen_days(calendar: Calendar, hours: Integers) -> Calendar:
    seen = np.bincount(calendar.weekdays(hours), minlength=7) > 0
    kinds = tuple(
        kind if there else UNSEEN for kind, there in zip(calendar.kinds, seen, strict=True)
    )
    return Calendar(kinds, calendar.begin)


def _composition(codes: Integers, place: Integers) -> Floats:
    """Return for each hour the shares of the groups of each column, and the logarithm of its rows.

    Parameters
    ----------
    place
        Number of each row's hour, shape (rows,).
    """
    rows = np.bincount(place)[:, None]
    parts = []
    for column in codes.T:
        edges = np.unique(np.quantile(column, np.arange(1, GROUPS) / GROUPS, method="lower"))
        width = len(edges) + 1
        group = np.searchsorted(edges, column)
        counts = np.bincount(place * width + group, minlength=len(rows) * width)
        parts.append(counts.reshape(-1, width) / rows)
    return np.hstack([*parts, np.log(rows)])


def _rhythm(composition: Floats, hours: Integers, weights: Floats) -> Floats:
    """Project hours on the few directions in which they differ, but not from one to the next.

    Most of what sets an hour apart is chance: which few hosts were busy. A rhythm is what changes
    slowly (maximum autocorrelation factors, Switzer & Green 1984), here within the main
    directions. Returns shape (hours, up to `RHYTHM`).
    """
    centred = composition - np.average(composition, axis=0, weights=weights)
    _, vectors = np.linalg.eigh(_covariance(centred, weights))
    main = centred @ vectors[:, -MAIN:]
    next_hour = np.flatnonzero(np.diff(hours) == 1)
    if len(next_hour) < MAIN:
        return np.asarray(main[:, -RHYTHM:], dtype=np.float64)
    steps = main[next_hour + 1] - main[next_hour]
    noise = _covariance(steps, np.minimum(weights[next_hour], weights[next_hour + 1])) / 2
    noise += np.eye(len(noise)) * max(np.trace(noise) / len(noise) / 100, np.finfo(float).tiny)
    _, slow = eigh(_covariance(main, weights), noise)
    return np.asarray(main @ slow[:, -RHYTHM:], dtype=np.float64)


def _covariance(centred: Floats, weights: Floats) -> Floats:
    scaled = centred * np.sqrt(weights / weights.sum())[:, None]
    return np.asarray(scaled.T @ scaled, dtype=np.float64)


def _error(calendar: Calendar, hours: Integers, profile: Floats, weights: Floats) -> float:
    """Return the mean squared error of each hour foretold from the others that are alike.

    An hour like no other is foretold from the same hour of all days.
    """
    left, alone = _residuals(calendar.strata(hours), profile, weights)
    if alone.any():
        left[alone] = _residuals(hours % 24, profile, weights)[0][alone]
    return float(np.average((left**2).sum(axis=1), weights=weights))


def _residuals(
    strata: Integers, profile: Floats, weights: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    total = np.bincount(strata, weights=weights)
    sums = np.column_stack([np.bincount(strata, weights=weights * one) for one in profile.T])
    others = total[strata] - weights
    alone = others <= 0
    mean = (sums[strata] - weights[:, None] * profile) / np.where(alone, 1, others)[:, None]
    return np.where(alone[:, None], profile, profile - mean), alone

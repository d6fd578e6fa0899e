"""How far columns moved, and how far they move when nothing happened.

Two ideas carry it. *One unit*: the statistic of every column is the share of connections that
moved, the Kolmogorov-Smirnov distance where values have an order and the total variation distance
where they have none. *The reference is its own yardstick*: windows of the reference as long as
the current one are compared with the rest of the reference, and what they give is normal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from oddwire.operations.drift.calendar import HOUR, Calendar, Floats, Integers

DAY = 24 * HOUR
MIN_ROWS = 50  # fewer say nothing about a distribution
MIN_BLOCKS = 4  # fewer windows of the reference say nothing about what is normal
MAX_DRAWS = 100  # windows compared; more sharpen little and cost time on wide tables
INDEPENDENT_DRAWS = 100  # the same where rows have no time
MIN_COVERAGE = 0.9  # share of the window's hours for which a like hour must exist
FULL = 0.5  # share of the usual hours that a window must have, or it lies in a gap
LIKE = 0.5  # share of a window's hours that must be like the current ones
LEVELS = ("day and hour", "hour", "any")  # how alike two hours must be, the strictest first


@dataclass(frozen=True)
class Sides:
    """Rows of the reference and of the current traffic as small numbers.

    Parameters
    ----------
    reference, current
        Codes, shape (rows, columns): the position of a value among the values of its column.
    ordered
        Whether the codes of a column have an order, shape (columns,).
    reference_time, current_time
        Microseconds since the epoch, ascending, or None where rows have no time.
    """

    reference: Integers
    current: Integers
    ordered: NDArray[np.bool_]
    reference_time: Integers | None = None
    current_time: Integers | None = None


@dataclass(frozen=True)
class NullDistances:
    """What the distances are when nothing happened.

    Parameters
    ----------
    distances
        Shape (draws, columns).
    windows
        How many of the draws do not overlap: what they are worth as evidence.
    """

    distances: Floats
    windows: float
    method: str


@dataclass(frozen=True)
class Alike:
    """Which hours count as alike.

    Parameters
    ----------
    level
        One of `LEVELS`: the same hour of days of one kind, the same hour of any day, or any hour.
    """

    calendar: Calendar
    level: str

    def strata(self, hours: Integers) -> Integers:
        """Return one number for all hours that are alike."""
        if self.level == "any":
            return np.zeros(len(hours), dtype=np.int64)
        return self.calendar.strata(hours) if self.level == "day and hour" else hours % 24

    def count(self, time: Integers) -> Integers:
        """Return how many hours of each stratum there are in which something happened."""
        return np.bincount(self.strata(np.unique(time // HOUR)), minlength=Calendar.STRATA)


def moved_share(reference: Integers, current: Integers, ordered: NDArray[np.bool_]) -> Floats:
    """Return how far each column moved, from 0 (not at all) to 1 (entirely).

    The largest gap between the cumulative shares (Kolmogorov-Smirnov) of ordered columns, half
    the summed gap between the shares (total variation) of the others: both are shares of rows.

    Parameters
    ----------
    reference, current
        Codes, shapes (rows, columns).
    ordered
        Shape (columns,).
    """
    levels = int(max(reference.max(initial=0), current.max(initial=0))) + 1
    # Shares are compared in integers, so that equal shares differ by exactly nothing.
    gap = _counts(reference, levels) * len(current) - _counts(current, levels) * len(reference)
    moved = np.empty(len(ordered))
    moved[ordered] = np.abs(gap[ordered].cumsum(axis=1)).max(axis=1, initial=0)
    moved[~ordered] = np.abs(gap[~ordered]).sum(axis=1) / 2
    return moved / (len(reference) * len(current))


def _counts(codes: Integers, levels: int) -> Integers:
    columns = codes.shape[1]
    flat = (codes + np.arange(columns) * levels).ravel()
    return np.bincount(flat, minlength=columns * levels).reshape(columns, levels)


def sample_like(
    base: Integers, window: Integers, *, alike: Alike, rows: int, rng: np.random.Generator
) -> tuple[Integers, float]:
    """Draw rows of a base as they would have come in a window, had nothing changed.

    A row counts by how many like hours the window has for each that the base has, so that a
    Sunday is compared with Sundays and a morning with mornings, whatever the volume.

    Parameters
    ----------
    base, window
        Microseconds since the epoch.
    alike
        Which hours count as alike.
    rows
        Rows to draw; fewer where fewer are alike.

    Returns positions in the base, ascending, and the share of the window's hours it covers.
    """
    have = alike.count(base)
    want = alike.count(window)
    coverage = float(want[have > 0].sum() / want.sum())
    weights = (want / np.maximum(have, 1))[alike.strata(base // HOUR)]
    rows = min(rows, int((weights > 0).sum()))
    return spread(weights, rows, rng), coverage


def spread(weights: Floats, rows: int, rng: np.random.Generator) -> Integers:
    """Draw one row from each of equal parts of the summed weights, evenly over the rows.

    At random within its part: even steps would beat with traffic that comes in a rhythm.
    """
    if not rows:
        return np.zeros(0, dtype=np.int64)
    total = weights.cumsum()
    points = (np.arange(rows) + rng.random(rows)) / rows * total[-1]
    places = np.searchsorted(total, points, side="right").clip(max=len(weights) - 1)
    return np.asarray(places, dtype=np.int64)


def compare(
    sides: Sides, *, calendar: Calendar | None, rows: int, rng: np.random.Generator
) -> tuple[Integers, NullDistances]:
    """Choose the rows of the reference to compare with, and measure what is normal.

    Like hours are compared by the strictest of `LEVELS` for which the reference has enough
    windows; where rows have no time, or too little of it, rows count as independent.

    Up to ``rows`` of the reference are drawn, all rows of ``sides.current`` are used. The calendar
    says which hours are alike, and is None where rows have no time.
    Returns positions in the reference, shape (drawn rows,), and the distances under no drift.
    """
    if calendar and sides.reference_time is not None and sides.current_time is not None:
        for alike in (Alike(calendar, level) for level in LEVELS):
            chosen, coverage = sample_like(
                sides.reference_time, sides.current_time, alike=alike, rows=rows, rng=rng
            )
            if coverage < MIN_COVERAGE or len(chosen) < MIN_ROWS:
                continue
            null = _null_of_windows(sides, alike=alike, rows=rows, rng=rng)
            if null is not None:
                return chosen, null
    chosen = spread(np.ones(len(sides.reference)), min(rows, len(sides.reference)), rng)
    return chosen, _null_of_independent_rows(sides, rows=len(chosen), rng=rng)


def _null_of_independent_rows(
    sides: Sides, *, rows: int, rng: np.random.Generator
) -> NullDistances:
    # With replacement: both samples stand for the same unknown traffic, however few rows we have.
    n = len(sides.reference)
    distances = [
        moved_share(
            sides.reference[rng.integers(n, size=rows)],
            sides.reference[rng.integers(n, size=len(sides.current))],
            sides.ordered,
        )
        for _ in range(INDEPENDENT_DRAWS)
    ]
    return NullDistances(np.array(distances), INDEPENDENT_DRAWS, "independent rows")


def _null_of_windows(
    sides: Sides, *, alike: Alike, rows: int, rng: np.random.Generator
) -> NullDistances | None:
    time, current_time = sides.reference_time, sides.current_time
    if time is None or current_time is None:
        return None
    span = int(time[-1] - time[0])
    length = max(min(int(current_time[-1] - current_time[0]), span // MIN_BLOCKS), 1)
    windows = list(_windows(time, int(current_time[0]), length))
    distances = []
    for first, last in _like(windows, time, alike.count(current_time), alike):
        outside = np.r_[0:first, last : len(time)]
        drawn, coverage = sample_like(
            time[outside], time[first:last], alike=alike, rows=rows, rng=rng
        )
        if coverage < MIN_COVERAGE or len(drawn) < MIN_ROWS:
            continue
        inside = first + spread(np.ones(last - first), min(len(sides.current), last - first), rng)
        distances.append(
            moved_share(sides.reference[outside[drawn]], sides.reference[inside], sides.ordered)
        )
    if len(distances) < MIN_BLOCKS:
        return None
    apart = min(len(distances), span / length)
    return NullDistances(np.array(distances), apart, f"like hours ({alike.level})")


def _like(
    windows: list[tuple[int, int]], time: Integers, current: Integers, alike: Alike
) -> list[tuple[int, int]]:
    """Return the windows that say what is normal for the current one.

    Windows in a gap of the reference have few rows, and lie further away for that alone. Those of
    another kind of day are left out where there are enough of its own.
    """
    counts = [alike.count(time[first:last]) for first, last in windows]
    usual = np.median([count.sum() for count in counts]) if counts else 0
    full = [i for i, count in enumerate(counts) if count.sum() >= FULL * usual]
    like = [i for i in full if np.minimum(counts[i], current).sum() >= LIKE * counts[i].sum()]
    return [windows[i] for i in (like if len(like) >= MIN_BLOCKS else full)]


def _windows(time: Integers, start: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield the row ranges of windows of a length: at the same time of day, else sliding."""
    slack = length // 10
    earliest, latest = int(time[0]) - slack, int(time[-1]) + slack - length
    starts = np.arange(earliest + (start - earliest) % DAY, latest + 1, DAY)
    if len(starts) <= MIN_BLOCKS:
        starts = np.arange(int(time[0]), latest + 1, max(length // 2, 1))
    if len(starts) > MAX_DRAWS:
        starts = starts[np.linspace(0, len(starts) - 1, MAX_DRAWS).astype(np.int64)]
    firsts, lasts = np.searchsorted(time, starts), np.searchsorted(time, starts + length, "right")
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        if last - first >= MIN_ROWS:
            yield first, last


def thresholds(null: NullDistances, *, false_alarm_rate: float, columns_needed: int) -> Floats:
    """Return the distance of each column from which on it counts as drifted.

    That is its mean distance plus a number of its deviations, one number for all columns: at it
    so many columns as make the *verdict* are reached with the false-alarm rate. It is a
    prediction bound for one more window (Student's t: few windows give wide thresholds).

    Parameters
    ----------
    false_alarm_rate
        Wanted share of windows without drift in which so many columns drift.
    columns_needed
        How many drifted columns make the verdict.

    Returns shape (columns,).
    """
    distances, draws = null.distances, len(null.distances)
    # Each window is compared with the others, as the current one will be.
    others = (distances.sum(axis=0) - distances) / (draws - 1)
    squares = ((distances**2).sum(axis=0) - distances**2) / (draws - 1)
    spreads = _steady(np.maximum(squares - others**2, 0))
    reached = np.sort((distances - others) / spreads, axis=1)[:, -columns_needed]
    factor = student.ppf(1 - false_alarm_rate, max(null.windows - 1, 1))
    bound = reached.mean() + factor * reached.std(ddof=1) * np.sqrt(1 + 1 / null.windows)
    most = max(bound, np.quantile(reached, 1 - false_alarm_rate))
    # One odd day in the reference makes that number large: it must not make deviations so, too.
    oddest = int(reached.argmax())
    return np.asarray(others[oddest] + most * spreads[oddest], dtype=np.float64)


def _steady(variances: Floats) -> Floats:
    """Return deviations halfway to the median column's: a few windows give a rough one."""
    middle = np.median(variances, axis=1, keepdims=True)
    return np.sqrt((variances + middle) / 2) + np.finfo(np.float64).tiny

"""Which hours are alike is learned from the reference, wherever it comes from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.operations.drift.calendar import HOUR, UNSEEN, Calendar, learn_calendar

MONDAY = pd.Timestamp("2026-01-05").value // 1000
SATURDAY, SUNDAY = 5, 6


def traffic(days: int, *, free, office=(0.8, 0.08), seed: int = 0):
    """Return codes and local times of days with as many rows in each hour, of which an office's
    share depends on the hour and on whether the day is free."""
    rng = np.random.default_rng(seed)
    hour = np.repeat(np.arange(24 * days), 40)
    busy = np.isin(hour % 24, range(8, 18)) & ~np.isin(hour // 24, free)
    from_office = rng.random(len(hour)) < np.where(busy, *office)
    codes = np.where(from_office, 0, 5)[:, None] + rng.integers(0, 10, (len(hour), 6))
    return codes, MONDAY + hour * HOUR + rng.integers(0, HOUR, len(hour))


def days_of(*weekdays, weeks: int = 3):
    return [7 * week + day for week in range(weeks) for day in weekdays]


def learned(codes, time, *, zone: int = 0):
    """Learn from local times as UTC has them, so many hours behind."""
    order = np.argsort(time)
    return learn_calendar(codes[order], time[order] - zone * HOUR)


def free_hours(calendar: Calendar, *, zone: int):
    """Return the local office hours that belong to no ordinary day, by weekday."""
    hours = MONDAY // HOUR + np.arange(168)
    kinds = calendar.strata(hours - zone) // 24
    usual = np.bincount(kinds).argmax()
    office = np.isin(np.arange(168) % 24, range(8, 18))
    return {int(hour) // 24 for hour in np.flatnonzero(office & (kinds != usual))}


@pytest.mark.parametrize(
    ("free", "zone"),
    [
        ((SATURDAY, SUNDAY), 1),  # Berlin
        ((SATURDAY, SUNDAY), -8),  # Los Angeles
        ((4, SATURDAY), 3),  # Riyadh
        ((SUNDAY,), 0),
        ((SUNDAY,), 9),
    ],
)
@pytest.mark.parametrize("office", [(0.8, 0.08), (0.6, 0.25)])
def test_the_weekend_and_the_clock_are_learned(free, zone, office):
    calendar = learned(*traffic(21, free=days_of(*free), office=office), zone=zone)
    assert free_hours(calendar, zone=zone) == set(free)


def test_one_week_is_enough_for_a_weekend_of_two_days():
    calendar = learned(*traffic(7, free=[SATURDAY, SUNDAY]))
    assert free_hours(calendar, zone=0) == {SATURDAY, SUNDAY}


def test_two_free_days_that_differ_are_two_kinds():
    codes, time = traffic(28, free=days_of(SATURDAY, SUNDAY, weeks=4))
    sunday = np.isin((time - MONDAY) // (24 * HOUR), days_of(SUNDAY, weeks=4))
    codes[sunday, :3] = 14
    calendar = learned(codes, time)
    assert calendar.kinds[SATURDAY] != calendar.kinds[SUNDAY]
    assert len({*calendar.kinds[:SATURDAY]}) == 1


def test_traffic_without_a_week_has_one_kind_of_day():
    calendar = learned(*traffic(21, free=[]))
    assert calendar == Calendar()
    noise = np.random.default_rng(1).integers(0, 10, (20_000, 6))
    time = MONDAY + np.sort(np.random.default_rng(2).integers(0, 21 * 24 * HOUR, 20_000))
    assert learn_calendar(noise, time) == Calendar()


def test_a_holiday_makes_no_weekend():
    calendar = learned(*traffic(21, free=[*days_of(SATURDAY, SUNDAY), 9]))
    assert free_hours(calendar, zone=0) == {SATURDAY, SUNDAY}


def test_a_weekday_that_the_reference_never_had_is_like_no_other():
    calendar = learned(*traffic(5, free=[]))
    assert calendar.kinds == (0, 0, 0, 0, 0, UNSEEN, UNSEEN)


def test_a_few_hours_are_a_reference_too():
    codes, time = traffic(1, free=[])
    early = time < MONDAY + 3 * HOUR
    assert learned(codes[early], time[early]).kinds[0] == 0

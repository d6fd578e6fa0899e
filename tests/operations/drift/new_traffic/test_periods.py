"""Which days are new, whole and long enough to be checked."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from oddwire.operations.drift.new_traffic.periods import _days_since, _last_days, _whole_days

START = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def day(number):
    return START + dt.timedelta(days=number)


def times(counts):
    """Rows of days, evenly spread from 06:00 on."""
    moments = [
        day(number) + dt.timedelta(hours=6, minutes=at)
        for number, count in counts.items()
        for at in range(count)
    ]
    return pd.Series(pd.to_datetime(moments, utc=True))


def test_each_whole_day_since_the_last_check_is_a_period_in_order():
    rows = times({0: 60, 1: 60, 2: 60})
    assert _days_since(rows, day(1)) == [(day(1), day(2)), (day(2), day(3))]
    assert _days_since(rows, day(3)) == []


def test_days_of_too_few_rows_join_the_next_and_days_without_rows_are_left_out():
    rows = times({0: 60, 1: 20, 2: 40, 5: 60, 6: 10})
    assert _days_since(rows, day(0)) == [(day(0), day(1)), (day(1), day(3)), (day(5), day(6))]


def test_the_first_check_looks_at_the_last_whole_day_or_as_many_as_it_takes():
    assert _last_days(times({0: 60, 1: 60})) == [(day(1), day(2))]
    assert _last_days(times({0: 60, 1: 30, 2: 30})) == [(day(1), day(3))]
    assert _last_days(times({0: 10})) == []


def test_a_day_that_is_not_over_is_not_whole():
    now = dt.datetime.now(dt.UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rows = pd.Series(pd.to_datetime([today - dt.timedelta(days=1), today], utc=True))
    assert _whole_days(rows) == [today - dt.timedelta(days=1)]

"""Which days are new, whole and long enough to be checked."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pandas as pd
from stubs import RecordedProgress

from oddwire.errors import DataError
from oddwire.operations.drift.new_traffic.periods import (
    Looking,
    _days_since,
    _last_days,
    _of_days,
    _whole_days,
    periods_to_check,
)
from oddwire.operations.locks import dvc_lock
from oddwire.operations.progress import watched_by
from oddwire.params import check_params

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
    assert _whole_days(rows) == [(today - dt.timedelta(days=1), today)]


def test_a_row_of_a_clock_that_is_wrong_does_not_end_today():
    now = pd.Timestamp.now("UTC")
    today = now.normalize()
    hours = pd.date_range(today - pd.Timedelta(days=1), now, freq="10min")
    rows = pd.Series([*hours, pd.Timestamp("2100-01-01T12:00Z")])
    assert [end for _, end in _whole_days(rows)] == [today]


def test_days_begin_at_midnight_of_the_zone_and_last_as_long_as_they_do_there():
    """In Berlin, clocks were put forward on 29 March 2026."""
    hours = pd.date_range("2026-03-28T00:00Z", "2026-03-30T23:00Z", freq="15min")
    rows = pd.Series(hours)
    saturday, sunday, monday = (
        dt.datetime(2026, 3, *at, tzinfo=dt.UTC) for at in ((27, 23), (28, 23), (29, 22))
    )
    assert _whole_days(rows, "Europe/Berlin")[:2] == [(saturday, sunday), (sunday, monday)]
    assert _days_since(rows, sunday, "Europe/Berlin")[0] == (sunday, monday)
    assert _last_days(rows, "Asia/Tokyo")[0][1].hour == 15
    period = _of_days(sunday, monday, pd.DataFrame, "Europe/Berlin")
    assert period.name == "2026-03-29"


def test_after_a_change_of_the_zone_no_hour_is_looked_at_twice_or_left_out():
    hours = pd.date_range("2026-03-02T00:00Z", "2026-03-05T23:00Z", freq="15min")
    periods = _days_since(pd.Series(hours), day(1), "Asia/Tokyo")
    assert periods[0][0] == day(1)
    assert all(before[1] == after[0] for before, after in pairwise(periods))


def test_a_day_without_a_midnight_begins_when_its_clocks_do():
    rows = pd.Series(pd.date_range("2018-11-03T12:00Z", "2018-11-06T12:00Z", freq="1h"))
    begins = [start for start, _ in _whole_days(rows, "America/Sao_Paulo")]
    assert dt.datetime(2018, 11, 4, 3, tzinfo=dt.UTC) in begins


def test_rows_are_not_read_while_a_stage_that_replaces_them_runs(project):
    params = check_params({"sources": {"desk": {"format": "table", "train": "rows.csv"}}})
    looking = Looking(project, params, "desk", schema=None, past=[])
    watcher = RecordedProgress()

    def look():
        with watched_by(watcher):
            return periods_to_check(looking)

    with ThreadPoolExecutor(1) as other:
        with dvc_lock(project):
            found = other.submit(look)
            assert watcher.waiting.wait(30)
            assert not found.done()
        error = found.exception(30)
    assert isinstance(error, DataError), "no stage has run at all"
    assert watcher.begun == ["waiting for another dvc repro to end"]

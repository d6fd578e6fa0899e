"""A schedule that is taken fires, as Prefect reads it; one that cannot is told in one line."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect._vendor.croniter import croniter

from oddwire.errors import ParameterError
from oddwire.params import check_params
from oddwire.params.text.wording import shown

SOURCES = {"days": {"format": "simulated"}}
WORDS = [
    *"*?LWR#", "0", "1", "5", "7", "8", "12", "23", "24", "28", "29", "30", "31", "32", "59", "60",
    "99", "007", "-1", "jan", "FEB", "mon", "Sun", "sat", "1.5", "٣",
]  # fmt: skip
parts = st.one_of(
    st.sampled_from(WORDS),
    st.builds("{}-{}".format, st.sampled_from(WORDS), st.sampled_from(WORDS)),
    st.builds("{}/{}".format, st.sampled_from(WORDS), st.sampled_from(WORDS)),
    st.builds("{}-{}/{}".format, *[st.sampled_from(WORDS)] * 3),
)
fields = st.lists(parts, min_size=1, max_size=2).map(",".join)


def check(schedule):
    return check_params({"sources": SOURCES, "training": {"schedule": schedule}})


@given(st.tuples(*[st.just("*") | fields] * 5).map(" ".join))
def test_what_is_taken_fires_by_prefects_own_rules(schedule):
    try:
        check(schedule)
    except ParameterError as error:
        assert "training.schedule" in str(error)  # noqa: PT017 - most of them are wrong, not all
        return
    assert croniter.is_valid(schedule)
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert croniter(schedule, begin).get_next(dt.datetime) > begin


@pytest.mark.parametrize(
    "schedule",
    [
        "0 6 * * *", "*/15 0-6,22,23 * * mon-fri", "0 0 29 2 *", "0 0 31 2 mon", "5/20 1 1 jan *",
        "  0   3 * * 0 ", "0 0 31 1,2 *", "0 0 * * 7",
    ],
)  # fmt: skip
def test_what_people_write_is_taken(schedule):
    assert check(schedule).training.schedule == schedule
    assert croniter.is_valid(schedule)


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("99 99 * * *", "its minute must be 0 to 59, got '99'"),
        ("0 24 * * *", "its hour must be 0 to 23, got '24'"),
        ("0 0 0 * *", "its day of the month must be 1 to 31, got '0'"),
        ("0 0 1 13 *", "its month must be 1 to 12 or jan to dec, got '13'"),
        ("0 0 * * fun", "its day of the week must be 0 to 7 or sun to sat, got 'fun'"),
        ("*/0 * * * *", "its minute must be 0 to 59, got '*/0'"),
        ("0 22-3 * * *", "its hour must be 0 to 23, got '22-3'"),
        ("0 0 31 2 *", "names a day that never comes, got '0 0 31 2 *'"),
        ("0 0 31 4,6,9 *", "names a day that never comes, got '0 0 31 4,6,9 *'"),
        ("0 0 1 1 * *", "must have five fields: minute, hour, day of the month, month, day of"),
        ("", "must have five fields"),
        ("@daily", "must have five fields"),
        (f"{'0,' * 5000}0 * * * *", "must have five fields"),
        (5, "must be a valid string, got 5"),
    ],
)
def test_what_never_fires_is_told_in_one_line(schedule, says):
    with pytest.raises(ParameterError) as raised:
        check(schedule)
    assert says in str(raised.value)
    assert len(str(raised.value)) < 300
    assert "\n" not in str(raised.value)


def test_both_schedules_are_checked():
    with pytest.raises(ParameterError, match=r"drift\.schedule: its minute"):
        check_params({"sources": SOURCES, "drift": {"schedule": "61 * * * *"}})
    assert shown("61") == "'61'"

"""Times as people write them: the right moment, or a refusal that says how to read them."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oddwire.errors import DataError
from oddwire.params import TableSource
from oddwire.traffic.sources import open_file, read_source
from oddwire.traffic.sources.times.texts import read_iso

NOON = pd.Timestamp("2024-06-10T12:00:00Z")


@pytest.fixture
def when(tmp_path):
    """Read texts as the times of a table; return the times in the order of the file."""

    def read(*texts, rows=None, **keys):
        lines = [f'{n},"{text}"' for n, text in enumerate(texts)]
        (tmp_path / "t.csv").write_text("\n".join(["a,when", *lines]) + "\n")
        source = TableSource(format="table", train="t.csv", time="when", **keys)
        frames = open_file(source, tmp_path / "t.csv", rows=rows).frames()
        return pd.concat(frames, ignore_index=True)["ts"].tolist()

    return read


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("20240610", 'a date in digits (2024-06-10)? `time_format: "%Y%m%d"` reads it'),
        ("10062024", '`time_format: "%d%m%Y"` reads it'),
        ("2024061012", '`time_format: "%Y%m%d%H"` reads it'),  # as seconds it would be of 2034
        ("202406101200", '`time_format: "%Y%m%d%H%M"` reads it'),
        ("20240610120000", '`time_format: "%Y%m%d%H%M%S"` reads it'),
        ("45453.5", "days since 1900, as Excel counts (2024-06-10)? `time_format: excel` reads"),
        ("45453", "`time_format: excel` reads"),
        ("133624944000000000", "FILETIME (2024-06-10)? `time_format: filetime` reads them"),
        ("638536032000000000", "ticks of .NET, since the year 1? write them as ISO 8601"),
        ("13362494400000000", "microseconds since 1601, as WebKit counts"),
        ("3927009600", "seconds since 1900, as NTP counts"),
        ("0", "count from the start of a capture"),
        ("12.125", "`time_format: s` (ms, us, ns) reads it"),
        ("1.71802E+09", "is a time with its last digits cut off"),
        ("10.06.2024 12:00", '`time_format: "%d.%m.%Y %H:%M"` reads it'),
        ("13/06/2024", '`time_format: "%d/%m/%Y"` reads it'),
        ("06/13/2024 1:05 PM", '`time_format: "%m/%d/%Y %I:%M %p"` reads it'),
        ("10.06.24", '`time_format: "%d.%m.%y"` reads it'),
        ("10/Jun/2024:12:00:00 +0000", '`time_format: "%d/%b/%Y:%H:%M:%S %z"` reads it'),
        ("Jun 10, 2024 12:00:00.123456", '"%b %d, %Y %H:%M:%S.%f"` reads it'),
        ("2024-06-10 01:00:00 PM", '`time_format: "%Y-%m-%d %I:%M:%S %p"` reads it'),
        ("2024-06-10 12:00:00 CEST", "CEST may be several zones"),
        ("2024", "is no time"),
        ("2024-06", "`time_format` can say how the column is written"),
        ("12:00:00", "is no time in ISO 8601"),
        ("noon", "s, ms, us, ns, excel, filetime"),
    ],
)
def test_what_would_be_another_time_is_refused_by_name(when, text, words):
    for rows in (None, 1):
        with pytest.raises(DataError) as raised:
            when(text, text, rows=rows)
        assert words in str(raised.value)
        assert "t.csv, line 2, column 'when'" in str(raised.value)


def test_day_and_month_are_never_guessed(when):
    """A column of which some rows could be either, and none tells."""
    with pytest.raises(DataError, match="day and month apart") as raised:
        when("10/06/2024 12:00:00", "06/10/2024 12:00:00")
    assert '"%d/%m/%Y %H:%M:%S"` and `time_format: "%m/%d/%Y %H:%M:%S"`' in str(raised.value)
    # One row that tells is enough to name the one format; and it is never two in a column.
    with pytest.raises(DataError, match=r'`time_format: "%d/%m/%Y"` reads it'):
        when("10/06/2024", "06/10/2024", "13/06/2024")
    with pytest.raises(DataError, match="can say how the column is written"):
        when("13/06/2024", "06/13/2024")
    with pytest.raises(DataError, match=r"'06/13/2024' is no time by `time_format"):
        when("13/06/2024", "06/13/2024", time_format="%d/%m/%Y")


@pytest.mark.parametrize(
    ("text", "time_format"),
    [
        ("20240610", "%Y%m%d"),
        ("45453.5", "excel"),
        ("133624944000000000", "filetime"),
        ("1718020800", "s"),
        ("1718020800000", "ms"),
        ("1718020800000000", "us"),
        ("1718020800000000000", "ns"),
        ("10.06.2024 12:00", "%d.%m.%Y %H:%M"),
        ("10.6.2024 12:00:00", "%d.%m.%Y %H:%M:%S"),
        ("10/06/2024 12:00:00 PM", "%d/%m/%Y %I:%M:%S %p"),
        ("06/10/2024 12:00", "%m/%d/%Y %H:%M"),
        ("10.06.24 12:00", "%d.%m.%y %H:%M"),
        ("2024-06-10 14:00:00 +02:00", "%Y-%m-%d %H:%M:%S %z"),
        ("2024-06-10 12:00:00 UTC", None),
        ("2024-06-10 12:00:00.000 GMT", None),
        ("2024-06-10T12:00:00Z", None),
        ("2024-06-10T14:00:00+02:00", None),
        ("2024-06-10T14:00:00+0200", None),
        ("2024-06-10 12:00:00,000", None),
        ("2024/06/10 12:00", None),
        ("20240610T120000Z", None),
    ],
)
def test_the_right_moment_whatever_the_batch(when, text, time_format):
    expected = NOON.normalize() if time_format == "%Y%m%d" else NOON
    for rows in (None, 1):
        assert when(text, text, time_format=time_format, rows=rows) == [expected, expected]


def test_a_column_of_seconds_with_other_numbers_names_them(when):
    with pytest.raises(DataError, match=r"line 4.*'0' is no time from 1995 to 2059 in seconds"):
        when("1718020800", "1718020801", "0")
    assert when("0", "1718020800", time_format="s")[0] == pd.Timestamp("1970-01-01T00:00:00Z")


def test_two_digits_are_of_no_other_century(when):
    with pytest.raises(DataError, match=r"'10.06.69' is no time by"):
        when("10.06.24", "10.06.69", time_format="%d.%m.%y")
    with pytest.raises(DataError, match=r"'10.06.65' is no time by"):
        when("10.06.24", "10.06.65", time_format="%d.%m.%y")


def test_parquet_s_whole_numbers_are_the_same(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "when": [20240610, 20240611]})
    frame.to_parquet(tmp_path / "t.parquet")
    source = {"format": "table", "train": "t.parquet", "time": "when"}
    with pytest.raises(DataError, match="a date in digits"):
        read_source(TableSource(**source), root=tmp_path)
    rows = read_source(TableSource(**source, time_format="%Y%m%d"), root=tmp_path).train
    assert rows["ts"].tolist() == [pd.Timestamp(day, tz="UTC") for day in ("20240610", "20240611")]


def test_18_digits_keep_their_microseconds(when):
    (moment,) = when("133624944001234567", time_format="filetime")
    assert moment == NOON + pd.Timedelta("123456us")
    (moment,) = when("1718020800123456789")
    assert moment == NOON + pd.Timedelta("123456us")


@pytest.mark.parametrize(
    ("time_format", "words"),
    [
        ("hours", "must be one of s, ms, us, ns, excel, filetime or be in the words of strptime"),
        ("%H:%M:%S", "must have a year and a day"),
        ("%d.%m. %H:%M", "must have a year and a day"),
        ("%d.%m.%Y %I:%M", "has %I, a clock of 12 hours, and no %p"),
        ("%d.%m.%Y %H:%M %p", "has %p, which means something beside %I alone"),
        ("%d.%m.%Y %H:%M %Z", "cannot have %Z"),
        ("%d.%m.%Y %q", "cannot have %q"),
    ],
)
def test_a_format_that_could_mean_another_time_is_refused(time_format, words):
    with pytest.raises(ValidationError, match=words):
        TableSource(format="table", train="t.csv", time="when", time_format=time_format)
    with pytest.raises(ValidationError, match="time_format needs a time beside it"):
        TableSource(format="table", train="t.csv", time_format="s")


@given(st.datetimes(dt.datetime(1995, 1, 1), dt.datetime(2059, 12, 31)))  # noqa: DTZ001
def test_iso_comes_back(moment):
    assert read_iso([moment.isoformat()])[0] == pd.Timestamp(moment, tz="UTC")

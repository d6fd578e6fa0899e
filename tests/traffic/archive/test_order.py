"""The rows of an archive: in the order in which they are known, the last record of each counts."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from archived_logs import Archived, zeek_log
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError
from oddwire.traffic.archive import (
    SourceBatches,
    merging,
    open_archive,
    parts,
    sorting,
    write_rows,
)
from oddwire.traffic.archive.records import moment
from oddwire.traffic.schema import FeatureSchema

BEGIN = 1_700_000_000


def at(second):
    return dt.datetime.fromtimestamp(BEGIN + second, dt.UTC)


def rows(*given):
    return [(uid, BEGIN + began, lasted) for uid, began, lasted in given]


def test_parts_that_overlap_are_merged_by_their_clocks(archived, log):
    archived.grow(
        log("eve.1.log", rows(("a", 0, 10), ("b", 5, 1), ("c", 0, 30))),
        log("eve.2.log", rows(("d", 1, 10), ("e", 20, 5), ("f", 30, None))),
    )
    # b ended at 6, but its log knew it after a, which ended at 10.
    assert archived.uids() == ["a", "b", "d", "e", "c", "f"]


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize("group", [2, 3, 100])
def test_a_broken_end_far_ahead_moves_no_other_row(archived, log, monkeypatch, place, group):
    lines = [(f"c{second}", BEGIN + 60 * second, 1) for second in range(12)]
    lines[place] = ("ahead", BEGIN + 75 * 365 * 86_400, 1)
    monkeypatch.setattr(parts, "ROW_GROUP", group)
    records = archived.grow(log("conn.log", lines))
    assert records.last == at(60 * 11 + 1)
    assert archived.uids() == [uid for uid, *_ in lines]
    later = [uid for uid, began, _ in lines[place + 1 :] if began >= BEGIN + 60 * 5]
    assert later
    assert set(later) <= set(archived.uids(since=at(60 * 5), until=at(60 * 20)))
    assert open_archive(archived.folder).known_at("train").is_monotonic_increasing


def test_a_pause_of_days_is_no_broken_end(archived, log):
    archived.grow(log("conn.log", rows(("a", 0, 1), ("b", 400_000, 1), ("c", 900_000, 1))))
    assert archived.uids(since=at(399_000), until=at(500_000)) == ["b"]
    assert archived.uids(since=at(899_000)) == ["c"]


def test_the_last_record_of_a_connection_counts_in_one_file(archived, log):
    lines = rows(("long", 0, 100), ("other", 90, 20), ("long", 0, 200), ("long", 50, 200))
    records = archived.grow(log("conn.log", lines))
    assert archived.uids() == ["other", "long", "long"]  # one of them began later: another
    assert records.kept(records.parts[0]) == 3


def test_the_last_record_of_a_connection_counts_in_other_files(archived, log):
    archived.grow(log("1.log", rows(("long", 0, 100), ("x", 90, 20))))
    archived.grow(log("2.log", rows(("y", 200, 1), ("z", 201, 1))))
    records = archived.grow(log("3.log", rows(("w", 300, 1), ("long", 0, 400))))
    assert archived.uids() == ["x", "y", "z", "w", "long"]
    assert [records.kept(part) for part in records.parts] == [1, 2, 2]
    assert archived.rows()["duration"].max() == 400


def test_connections_without_an_identity_are_never_records_of_one(archived, log):
    text = zeek_log(rows(("-", 0, 10), ("-", 0, 10)))
    archived.grow(log("conn.log", text), log("again.log", text + zeek_log(rows(("-", 0, 10)))))
    assert len(archived.uids()) == 3  # the first file is the beginning of the second


@pytest.mark.parametrize("group", [3, 7, 1000])
def test_a_table_without_the_order_of_a_log_is_sorted_by_ends(archived, log, monkeypatch, group):
    for module in (parts, sorting):
        monkeypatch.setattr(module, "ROW_GROUP", group)
    random = np.random.default_rng(0)
    given = [(f"u{n}", int(random.integers(0, 30)), int(random.integers(0, 30))) for n in range(20)]
    archived.in_log_order = False
    records = archived.grow(log("table.log", rows(*given)))
    expected = sorted(given, key=lambda row: row[1] + row[2])  # stable
    assert archived.uids() == [row[0] for row in expected]
    (part,) = records.parts
    assert (records.first, records.last) == (at(sum(expected[0][1:])), at(sum(expected[-1][1:])))
    assert part.stored == part.file(archived.folder).stat().st_size


LINES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", "e", "-"]), st.integers(0, 40), st.integers(0, 60)
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=4), st.data())
def test_rows_do_not_depend_on_when_files_came_or_how_they_are_read(files, data):
    small = mock.patch.object(merging, "_LEAST", 1)  # pieces of a few rows
    with tempfile.TemporaryDirectory() as folder, small:
        paths = []
        for number, lines in enumerate(files):
            paths.append(Path(folder) / f"{number}.log")
            paths[-1].write_text(zeek_log(rows(*lines)))
        one = Archived(Path(folder) / "one")
        one.grow(*paths)
        other = Archived(Path(folder) / "other")
        arrival = data.draw(st.permutations(paths))
        cut = data.draw(st.integers(0, len(paths)))
        for come in (arrival[:cut], arrival[cut:]):
            records = other.grow(*come)
        expected = one.rows()
        size = data.draw(st.integers(1, 7))
        pd.testing.assert_frame_equal(other.rows(at_once=size), expected)
        batches = open_archive(other.folder).batches("train", rows=size)
        sizes = [len(batch) for batch in batches]
        assert all(count == size for count in sizes[:-1])
        # Every row that was read is there or superseded, and the clock never goes back.
        assert sum(records.kept(part) for part in records.parts) == len(expected)
        stretches = open_archive(other.folder).stretches("train", rows=size)
        clock = np.concatenate([clock for _, clock in stretches])
        assert (clock[1:] >= clock[:-1]).all()
        known = expected.dropna(subset="uid")
        assert not known.duplicated(["uid", "ts"]).any()
        last = {}
        for lines in files:
            for uid, began, lasted in lines:
                last[uid, began] = max(last.get((uid, began), 0), lasted)
        assert {(row.uid, row.ts) for row in known.itertuples()} == {
            (uid, at(began)) for uid, began in last if uid != "-"
        }
        _check_periods(other, expected, clock, data)


def _check_periods(archived, expected, clock, data):
    since, until = (data.draw(st.none() | st.integers(-5, 110)) for _ in range(2))
    begin, end = (None if second is None else at(second) for second in (since, until))
    inside = np.ones(len(clock), dtype=bool)
    if begin is not None:
        inside &= clock >= begin.timestamp() * 1e6
    if end is not None:
        inside &= clock < end.timestamp() * 1e6
    found = archived.rows(since=begin, until=end)
    pd.testing.assert_frame_equal(found, expected[inside].reset_index(drop=True))


def test_a_period_skips_what_is_not_in_it(archived, log, monkeypatch):
    hours = [
        rows((f"u{number}", 100 * number, 1), (f"v{number}", 100 * number + 9, 1))
        for number in range(5)
    ]
    records = archived.grow(*(log(f"{number}.log", hour) for number, hour in enumerate(hours)))
    opened = []
    from oddwire.traffic.archive import reading

    real = reading.read_pieces

    def counted(file, **options):
        opened.append(file.stem)
        return real(file, **options)

    monkeypatch.setattr(reading, "read_pieces", counted)
    assert archived.uids(since=at(105), until=at(305)) == ["v1", "u2", "v2", "u3"]
    assert opened == [part.id for part in records.parts[1:4]]
    assert archived.rows(since=at(105), columns=["uid"]).columns.tolist() == ["uid"]


def test_an_empty_period_has_the_columns(archived, log):
    archived.grow(log("conn.log", rows(("a", 0, 1))))
    found = archived.rows(since=at(1000))
    assert len(found) == 0
    assert found.dtypes.to_dict() == archived.rows().dtypes.to_dict()


def test_the_newest_days_end_with_the_last_row(archived, log):
    archived.grow(log("conn.log", rows(("a", 0, 1), ("b", 3 * 86_400, 1))))
    archive = open_archive(archived.folder)
    assert archive.records.first == at(1)
    assert archive.last == at(3 * 86_400 + 1)
    assert archive.newest(2) == at(86_400 + 1) + dt.timedelta(microseconds=1)


def test_a_source_that_is_read_as_a_whole_has_periods_too(tmp_path):
    times = pd.to_datetime(np.arange(10) * 3600, unit="s", utc=True).as_unit("us")
    frame = pd.DataFrame({"ts": times, "bytes": np.arange(10.0)})
    write_rows(SourceBatches([frame[:4], frame[4:]], schema=FeatureSchema(("bytes",))), tmp_path)
    archive = open_archive(tmp_path)
    found = archive.read("train", ["bytes"], since=moment(3 * 3_600_000_000), until=times[6])
    assert found["bytes"].tolist() == [3, 4, 5]
    pd.testing.assert_frame_equal(archive.read("train"), frame)
    assert archive.last == times[9]


def test_rows_of_unknown_time_are_not_the_first_ones_of_a_source(tmp_path):
    times = pd.to_datetime([None, 5, 9], unit="s", utc=True).as_unit("us")
    frame = pd.DataFrame({"ts": times, "bytes": np.arange(3.0)})
    write_rows(SourceBatches([frame], schema=FeatureSchema(("bytes",))), tmp_path)
    archive = open_archive(tmp_path)
    assert (archive.first, archive.last) == (times[1], times[2])


def test_rows_are_counted_without_times_too(tmp_path):
    frame = pd.DataFrame({"bytes": np.arange(10.0)})
    write_rows(SourceBatches([frame[:4], frame[4:]], schema=FeatureSchema(("bytes",))), tmp_path)
    assert open_archive(tmp_path).rows("train") == 10


def test_rows_without_times_have_no_periods(tmp_path):
    frame = pd.DataFrame({"bytes": np.arange(10.0)})
    write_rows(SourceBatches([frame], schema=FeatureSchema(("bytes",))), tmp_path)
    with pytest.raises(DataError, match="no times"):
        open_archive(tmp_path).read("train", since=at(0))
    assert open_archive(tmp_path).last is None

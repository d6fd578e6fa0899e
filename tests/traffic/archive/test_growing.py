"""An archive of logs: each file once, nothing lost, the same whatever came first."""

from __future__ import annotations

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archived_logs import Archived, zeek_log

from oddwire.errors import DataError
from oddwire.traffic.archive import open_archive
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs.reading import LogSettings

HOUR = 3600.0


def hour(number, rows=40):
    """Rows of one hour: (uid, began, duration), in the order in which they end."""
    begin = 1_700_000_000 + number * HOUR
    return [(f"C{number}x{at}", begin + at * 60.0, 30.0) for at in range(rows)]


def test_a_file_is_read_once_whatever_becomes_of_its_name(archived, log):
    first, second = log("conn.log", hour(0)), log("conn.2.log", hour(1))
    records = archived.grow(first, second)
    assert sorted(archived.read) == ["conn.2.log", "conn.log"]
    assert [part.rows for part in records.parts] == [40, 40]
    inode = records.parts[0].file(archived.folder).stat().st_ino

    twin = log("conn.2023.log.gz", hour(0))
    renamed = second.rename(second.with_name("older.log"))
    assert archived.grow(twin, renamed) == records
    assert archived.read == []
    assert records.parts[0].file(archived.folder).stat().st_ino == inode  # no copy of it

    third = log("conn.3.log", hour(2))
    grown = archived.grow(third)  # the others have gone, and stay
    assert archived.read == ["conn.3.log"]
    assert [part.rows for part in grown.parts] == [40, 40, 40]
    assert archived.uids() == [row[0] for number in range(3) for row in hour(number)]


def test_a_file_that_grew_takes_the_place_of_its_beginning(archived, log):
    rows = hour(0)
    early = archived.grow(log("conn.log", rows[:10]))
    grown = archived.grow(log("conn.log", rows))
    assert archived.read == ["conn.log"]
    assert [part.rows for part in grown.parts] == [40]
    assert grown.parts[0].grown_from == (early.parts[0].content,)
    assert archived.uids() == [row[0] for row in rows]
    # A copy of the beginning is known, and so is one in the same run.
    assert archived.grow(log("conn.bak", rows[:10]), log("conn.log", rows)) == grown
    assert archived.read == []


def test_copies_of_the_beginning_that_come_together_or_late_count_once(tmp_path, log):
    rows = hour(0)
    long, short = log("conn.log", rows), log("conn.bak", rows[:20])
    together, late = Archived(tmp_path / "a"), Archived(tmp_path / "b")
    together.grow(short, long)
    assert together.read == ["conn.log"]
    late.grow(long)
    late.grow(short, long)
    assert late.read == []
    for one in (together, late):
        assert one.uids() == [row[0] for row in rows]


def test_a_file_that_was_cut_in_place_is_another_file(archived, log):
    archived.grow(log("conn.log", hour(0)))
    grown = archived.grow(log("conn.log", hour(1, rows=5)))
    assert [part.rows for part in grown.parts] == [40, 5]


def test_other_settings_read_anew_what_is_there_and_keep_what_has_gone(archived, log):
    labelled = zeek_log(hour(0)).replace("conn_state\n", "conn_state\tlabel\n")
    labelled = labelled.replace("\tSF\n", "\tSF\tok\n")
    gone, there = log("old.log", labelled.replace("C0x", "D0x")), log("new.log", labelled)
    archived.grow(gone, there)
    assert archived.rows()["label"].tolist() == [1] * 80
    benign = LogSettings(labels=LabelRule(benign=("ok",)))
    archived.grow(there, key="b", settings=benign)
    assert archived.read == ["new.log"]
    labels = archived.rows().set_index("uid")["label"]
    assert labels.groupby(lambda uid: uid[0]).first().to_dict() == {"C": 0, "D": 1}
    assert len(labels) == 80


def test_refused_lines_are_kept_with_number_and_reason(archived, log):
    text = zeek_log(hour(0)) + "too\tfew\n"
    records = archived.grow(log("conn.log", text))
    (part,) = records.parts
    assert (part.rows, part.refused, part.cut) == (40, 1, "")
    (line,) = part.refused_file(archived.folder).read_text().splitlines()
    kept = json.loads(line)
    assert kept["line"] == text.count("\n")
    assert kept["text"] == "too\tfew"
    assert kept["reason"]


def test_too_many_refused_lines_fail_by_name_and_leave_the_archive(tmp_path, log):
    archived = Archived(tmp_path / "archive", most_refused=0.01)
    before = archived.grow(log("good.log", hour(0)))
    text = zeek_log(hour(1)) + "too\tfew\n" * 4
    with pytest.raises(DataError, match=r"bad\.log: 4 of 44 rows .* first in line 47: ") as raised:
        archived.grow(log("bad.log", text))
    assert "max_refused_share" in str(raised.value)
    assert open_archive(archived.folder).records == before


def test_a_line_in_which_a_file_ends_is_no_reason_to_fail(tmp_path, log):
    archived = Archived(tmp_path / "archive", most_refused=0.0)
    (part,) = archived.grow(log("conn.log", zeek_log(hour(0))[:-20])).parts
    assert (part.rows, part.refused, part.cut) == (39, 1, "the last line has no end")


def test_a_compressed_file_that_is_cut_off_says_so(archived, log):
    file = log("conn.log.gz", hour(0, rows=400))
    file.write_bytes(file.read_bytes()[:-200])
    (part,) = archived.grow(file).parts
    assert part.cut == "the file ends in mid-stream"
    assert 0 < part.rows < 400


def test_an_empty_file_is_no_part(archived, log):
    assert archived.grow(log("conn.log", "")).parts == ()


def test_a_log_without_rows_is_a_part_without_rows(archived, log):
    (part,) = archived.grow(log("conn.log", []), log("later.log", [])).parts
    assert (part.rows, part.first) == (0, None)
    archived.grow(log("next.log", hour(0)))
    assert len(archived.uids()) == 40


def test_parts_survive_where_no_links_can_be_made(archived, log, monkeypatch):
    archived.grow(log("conn.log", hour(0)))

    def refuse(*_):
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    archived.grow(log("conn.2.log", hour(1)))
    assert len(archived.uids()) == 80


def test_a_damaged_part_is_one_line_with_its_remedy(archived, log):
    records = archived.grow(log("conn.log", hour(0)))
    file = records.parts[0].file(archived.folder)
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: len(content) // 2])
    says = rf"{records.parts[0].id}\.parquet is damaged: `dvc checkout --force data/ingested/now`"
    with pytest.raises(DataError, match=says):
        archived.rows()
    with pytest.raises(DataError, match=says):
        archived.grow(log("conn.2.log", hour(1)))


def test_gzip_of_another_level_is_the_same_file(archived, log):
    records = archived.grow(log("conn.log.gz", hour(0)))
    twin = log("conn.log", hour(0))
    twin.write_bytes(gzip.compress(twin.read_bytes(), 1))
    assert archived.grow(twin) == records


@pytest.mark.parametrize("name", ["files.json", "superseded.parquet", "refused"])
def test_an_archive_that_lacks_a_file_is_not_begun_anew(archived, log, name):
    first = archived.grow(log("conn.log", zeek_log([("A", 1, 3), ("B", 1, 3)]) + "bad\n"))
    lost = archived.folder / name
    if name == "refused":
        lost = first.parts[0].refused_file(archived.folder)
    lost.unlink()
    with pytest.raises(DataError, match="`dvc checkout --force data/ingested/now`"):
        archived.grow(log("conn.2.log", hour(1)))


def test_another_table_of_superseded_rows_is_damage(archived, log):
    archived.grow(log("conn.log", hour(0)))
    pq.write_table(pa.table({"x": [1]}), archived.folder / "superseded.parquet")
    with pytest.raises(DataError, match="is damaged: `dvc checkout"):
        archived.grow(log("conn.2.log", hour(1)))


def test_a_file_that_is_cut_to_its_beginning_adds_no_rows_twice(archived, log):
    # Without a uid no record replaces another.
    content = zeek_log(hour(0)).replace("\tuid\t", "\tother\t")
    lines = content.splitlines(keepends=True)
    for cut in (content, "".join(lines[:-15]), "".join(lines[:-20]) + "17", content):
        records = archived.grow(log("conn.log", cut))
        assert (len(archived.rows()), len(records.parts)) == (40, 1)
    archived.grow(log("conn.log", "".join(lines[:-15])))
    assert archived.read == []
    # Another one that begins in the same way, and goes on in another, is one more.
    archived.grow(log("conn.log", "".join([*lines[:-15], lines[-1]])))
    assert len(archived.rows()) == 40 + 26

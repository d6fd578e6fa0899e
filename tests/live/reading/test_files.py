"""The rows of a source that grows are those of its whole files, each with a place of its own."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from growing_logs import ZEEK_HEADER, zeek_line, zeek_log

from oddwire.errors import DataError
from oddwire.params import (
    ConnectionsSource,
    NslKddSource,
    PcapSource,
    SimulatedSource,
    TableSource,
    ZeekSource,
)
from oddwire.traffic.sources import read_file
from oddwire.traffic.sources.reading.files import log_files


def zeek(*files: str, **options: object) -> ZeekSource:
    return ZeekSource(format="zeek", files=files or ("conn.log*",), **options)


def batch_rows(source: ZeekSource, folder: Path) -> pd.DataFrame:
    files = log_files(source.files, root=folder)
    return pd.concat([read_file(source, file).rows for file in files], ignore_index=True)


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_those_of_batch_wherever_it_was_cut_off_and_gone_on(tmp_path, read, seed):
    random = Random(seed)
    source, path = zeek(unit=["src_ip", "dst_port"]), tmp_path / "conn.log"
    position, rows, places = b"", [], []
    for number in range(3):
        data = zeek_log(300, 1000 * number, bad=0.002, seed=seed)
        while data:
            cut = random.randint(1, 9000)
            with path.open("ab") as file:
                file.write(data[:cut])
            data = data[cut:]
            found = read(source, position=position, from_start=True)
            rows, places = [*rows, found.rows], places + found.places
            position = found.position or position
        for old in sorted(tmp_path.glob("conn.log.*"), reverse=True):
            old.rename(tmp_path / f"conn.log.{int(old.suffix[1:]) + 1}")
        path.rename(tmp_path / "conn.log.1")
    pd.testing.assert_frame_equal(
        pd.concat(rows, ignore_index=True), batch_rows(source, tmp_path), check_exact=True
    )
    assert len(set(places)) == len(places)
    assert places == read(source, from_start=True).places
    numbers = [int(place.partition(":")[2]) for place in places]
    assert numbers[:3] == [1, 2, 3]
    assert numbers.count(1) == 3


def test_what_is_there_is_taken_for_read_and_what_comes_after_is_read(tmp_path, read):
    path, source = tmp_path / "conn.log", zeek()
    path.write_bytes(zeek_log(9) + b"1700000009.5\tC9")
    (tmp_path / "conn.log.1.gz").write_bytes(gzip.compress(zeek_log(5, 100)))
    begun = read(source)
    assert begun.rows is None
    path.rename(tmp_path / "conn.log.1")  # a rotation makes no new log of it
    with (tmp_path / "conn.log.1").open("ab") as file:
        file.write(zeek_line(9).removeprefix(b"1700000009.5\tC9"))
    path.write_bytes(zeek_log(2, 10))
    found = read(source, position=begun.position)
    assert found.uids == ["C9", "C10", "C11"]


def test_refused_lines_are_counted_and_the_first_are_told_in_printable_words(tmp_path, read):
    bad = b"1700000000.5\tC\x1b[2J\tnobody\t1\t10.0.0.2\t53\tudp\t1\t1\n"
    (tmp_path / "conn.log").write_bytes(zeek_log(95) + 9 * bad)
    found = read(zeek(), from_start=True)
    (batch,) = found.batches
    assert (found.refused, len(found.uids), len(batch.refusals)) == (9, 95, 5)
    assert batch.refusals[0].startswith(f"{tmp_path}/conn.log, line 100: ")
    assert all(one.isprintable() for one in batch.refusals)


def test_too_many_refused_lines_are_said_once_and_end_nothing(tmp_path, read):
    path, source = tmp_path / "conn.log", zeek(max_refused_share=0.1)
    path.write_bytes(zeek_log(80) + 20 * b"bad\n")
    found = read(source, from_start=True)
    said = "20 of 100 rows were refused (20 %), more than max_refused_share (10 %); it is read on"
    assert found.notices == [f"{path}: {said}"]
    with path.open("ab") as file:
        file.write(zeek_line(80) + b"bad\n")
    again = read(source, position=found.position)
    assert (again.uids, again.refused, again.notices) == (["C80"], 1, [])


def test_a_file_of_another_kind_is_said_and_the_others_are_read(tmp_path, read):
    (tmp_path / "conn.log.a").write_bytes(b"ts,uid\n1,2\n" * 9000)
    (tmp_path / "conn.log.b").write_bytes(zeek_log(3))
    found = read(zeek(), from_start=True)
    assert found.uids == ["C0", "C1", "C2"]
    (notice,) = found.notices
    assert "conn.log.a: expected a conn.log of Zeek or Zeek's conn.log in JSON, got" in notice
    assert read(zeek(), position=found.position).batches == []


def test_a_header_alone_waits_and_a_changed_header_is_read_as_batch_reads_it(tmp_path, read):
    path, source = tmp_path / "conn.log", zeek()
    path.write_bytes(ZEEK_HEADER)
    begun = read(source, from_start=True)
    assert begun.rows is None
    newer = ZEEK_HEADER.replace(b"\tid.orig_p\tid.resp_h", b"\tid.resp_h\tid.orig_p")
    changed = [b"%d.5\tD%d\t10.0.0.1\t10.0.0.2\t7\t53\tudp\t1\t1\n" % (number, number)
               for number in range(1_700_000_100, 1_700_000_200)]  # fmt: skip
    with path.open("ab") as file:
        file.write(
            b"".join(map(zeek_line, range(9))) + b"#close\n" + newer + b"".join(changed[:50])
        )
    first = read(source, position=begun.position)
    with path.open("ab") as file:
        file.write(b"".join(changed[50:]))
    second = read(source, position=first.position)
    both = pd.concat([first.rows, second.rows], ignore_index=True)
    pd.testing.assert_frame_equal(both, batch_rows(source, tmp_path), check_exact=True)
    assert set(both["dst_ip"]) == {"10.0.0.2"}


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_log_truncated_in_place_that_has_no_header_then_is_read_with_the_one_before(
    tmp_path, read, is_copied
):
    path, source = tmp_path / "conn.log", zeek()
    path.write_bytes(zeek_log(9))
    first = read(source, from_start=True)
    if is_copied:  # as logrotate does before, to where it is followed too
        (tmp_path / "conn.log.1").write_bytes(path.read_bytes() + zeek_line(9))
    path.write_bytes(b"".join(map(zeek_line, range(20, 23))))
    second = read(source, position=first.position)
    assert second.uids == [*(["C9"] if is_copied else []), "C20", "C21", "C22"]
    assert f"{path} has no header: it is read with the one it had before" in second.notices
    with path.open("ab") as file:
        file.write(zeek_line(23))
    third = read(source, position=second.position)
    assert third.uids == ["C23"]
    assert not any("has no header" in notice for notice in third.notices)
    path.write_bytes(b"".join(map(zeek_line, range(30, 32))))  # and once more
    fourth = read(source, position=third.position)
    assert fourth.uids == ["C30", "C31"]
    every = [*first.places, *second.places, *third.places, *fourth.places]
    assert len(set(every)) == len(every)


def test_a_log_truncated_while_its_writer_stays_where_it_was_loses_one_row(tmp_path, read):
    path, source = tmp_path / "conn.log", zeek()
    path.write_bytes(zeek_log(9))
    first = read(source, from_start=True)
    with path.open("r+b") as writer:  # as Zeek, which does not append
        writer.seek(0, 2)
        path.open("wb").close()
        writer.write(zeek_line(20))
        writer.flush()
        found = read(source, position=first.position)
        assert found.uids == []
        writer.write(b"".join(map(zeek_line, range(21, 24))))
    second = read(source, position=found.position)
    assert second.uids == ["C21", "C22", "C23"]
    assert second.refused == 1


@pytest.mark.parametrize("row", [
    zeek_line(20).replace(b"\tudp", b""),
    zeek_line(20).replace(b".5", b" o'clock"),
    b"10.0.0.1\tsomething else\n",
])  # fmt: skip
def test_a_log_without_a_header_whose_rows_do_not_fit_the_one_before_is_not_read(
    tmp_path, read, row
):
    path, source = tmp_path / "conn.log", zeek()
    path.write_bytes(zeek_log(9))
    first = read(source, from_start=True)
    path.write_bytes(2 * row)
    second = read(source, position=first.position)
    assert second.uids == []
    assert second.notices[-1].endswith("(is a header missing?); 2 lines are not read so far")
    path.write_bytes(ZEEK_HEADER + zeek_line(30))
    assert read(source, position=second.position).uids == ["C30"]


def test_a_log_written_anew_from_an_equal_row_has_other_places(tmp_path, read):
    path, source = tmp_path / "conn.log", zeek()
    path.write_bytes(zeek_log(9))
    first = read(source, from_start=True)
    path.write_bytes(zeek_log(5))
    second = read(source, position=first.position)
    assert "truncated" in second.notices[0]
    assert len(second.uids) == 5
    assert len({*first.places, *second.places}) == 14


def test_records_of_a_connection_told_before_are_each_a_row(tmp_path, read):
    path, source = tmp_path / "conn.log", zeek()
    path.write_bytes(ZEEK_HEADER + zeek_line(1, duration=60) + zeek_line(2))
    first = read(source, from_start=True)
    assert len(first.uids) == 2
    with path.open("ab") as file:
        file.write(
            zeek_line(1, duration=120) + zeek_line(3, duration=90) + zeek_line(1, duration=180)
        )
    (again,) = read(source, from_start=True).batches
    assert len(again.rows) == 5


@pytest.mark.parametrize("size", [1 << 20, 100 << 20])
def test_a_very_long_line_is_refused_and_not_held(tmp_path, read, size):
    path, source = tmp_path / "conn.log", zeek()
    with path.open("wb") as file:
        file.write(zeek_log(3))
        for _ in range(size >> 20):
            file.write(b"x" * (1 << 20))
        file.write(b"x\n" + zeek_line(4))
    found = read(source, from_start=True)
    assert found.uids == ["C0", "C1", "C2", "C4"]
    assert found.refused == 1
    assert found.batches[-1].refusals or found.batches[0].refusals


@pytest.mark.parametrize(
    "source",
    [
        SimulatedSource(format="simulated"),
        TableSource(format="table", train=Path("a.csv")),
        NslKddSource(format="nsl-kdd", train=Path("a.csv")),
        PcapSource(format="pcap", files="a.pcap"),
        ConnectionsSource(format="connections", files="a.csv"),
    ],
    ids=lambda source: source.format,
)
def test_what_cannot_be_followed_is_refused_in_a_sentence(opened, source):
    with pytest.raises(DataError) as error:
        opened(source, input="-")
    assert str(error.value) == (
        f"source 'office' has the format {source.format}, of which nothing is read while it grows:"
        " only sources of the formats zeek, suricata, netflow can be followed; let Zeek or Suricata"
        " write a log, and add that as a source"
    )


def test_a_damaged_position_is_refused(opened):
    with pytest.raises(DataError, match="the saved position is damaged"):
        opened(zeek(), position=b"\x00garbage")


def test_it_waits_for_more_until_it_is_stopped(tmp_path, opened):
    path, stopped = tmp_path / "conn.log", threading.Event()
    path.write_bytes(zeek_log(3))
    uids = []
    for batch in opened(zeek(), from_start=True).batches(until_end=False, stopped=stopped):
        if batch is not None:
            uids += batch.rows["uid"].tolist()
        elif len(uids) == 3:
            with path.open("ab") as file:
                file.write(zeek_line(3))
        else:
            stopped.set()
    assert uids == ["C0", "C1", "C2", "C3"]

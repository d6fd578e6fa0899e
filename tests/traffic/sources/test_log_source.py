"""Log files as the files of a source: in bounded pieces, with what was refused beside them."""

from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest

from oddwire.errors import DataError
from oddwire.params import check_params
from oddwire.traffic.sources import open_file, open_source, read_file, read_source

HEAD = "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\tlabel\n"


def source_of(**keys):
    return check_params({"sources": {"lab": {"format": "zeek", "files": "*.log", **keys}}}).source(
        "lab"
    )


def line(at, *, lasted=1.0, source="10.0.0.1", label="benign"):
    return f"{1772445600 + at}.5\tC{at}\t{source}\t5000\t10.0.0.2\t443\ttcp\t{lasted}\t{label}\n"


def log(rows, **broken):
    """Make a log of some rows, the last one of which began first."""
    lines = [line(at) for at in range(1, rows)] + [line(0, lasted=rows)]
    for number, text in broken.items():
        lines[int(number[1:]) - 1] = text
    return HEAD + "".join(lines)


@pytest.mark.parametrize("rows", [1, 7, 100, None])
def test_pieces_of_any_size_are_the_same_rows_in_the_order_of_the_log(tmp_path, rows):
    file = tmp_path / "a.log"
    file.write_text(log(60))
    opened = open_file(source_of(), file, rows=rows)
    found = pd.concat(opened.frames(), ignore_index=True)
    assert found["uid"].tolist() == [*(f"C{at}" for at in range(1, 60)), "C0"]
    assert opened.in_time_order
    assert opened.is_whole is (rows in (100, None))
    assert max(len(batch.rows) for batch in opened.batches()) <= (rows or 60)
    assert next(batch.raw.names for batch in opened.batches()) == opened.raw.names
    pd.testing.assert_frame_equal(found, read_file(source_of(), file).rows)


def test_all_files_are_read_from_the_oldest_to_the_newest_and_empty_ones_are_passed_by(tmp_path):
    (tmp_path / "conn.log.2").write_bytes(gzip.compress((HEAD + line(1)).encode()))
    (tmp_path / "conn.log.1").touch()
    (tmp_path / "conn.log").write_text(HEAD + line(2) + line(3))
    source = source_of(files="conn.*")
    assert read_source(source, root=tmp_path).train["uid"].tolist() == ["C1", "C2", "C3"]
    pieces = list(open_source(source, root=tmp_path, rows=1).train)
    assert [len(piece) for piece in pieces] == [1, 1, 1]


def test_a_table_of_connections_is_put_in_the_order_of_its_ends(tmp_path):
    text = "ts,src_ip,dst_ip,dst_port,proto,duration\n"
    text += "".join(f"{1772445600 + at},10.0.0.1,10.0.0.2,{at},tcp,{50 - at}\n" for at in range(9))
    text += "1772445600,10.0.0.1,10.0.0.2,99,tcp,1\n"
    (tmp_path / "a.csv").write_text(text)
    source = source_of(format="connections", files="a.csv")
    for rows in (3, None):
        frames = open_source(source, root=tmp_path, rows=rows).train
        ports = pd.concat(frames)["dst_port"].tolist()
        assert ports == [99, *range(9)]


@pytest.mark.parametrize("rows", [10, None])
def test_refused_lines_are_kept_with_number_and_reason(tmp_path, rows):
    file = tmp_path / "a.log"
    file.write_text(log(300, n5="what\tis\tthis\n", n200=line(7, source="\x1b[2J")))
    opened = open_file(source_of(), file, rows=rows)
    for _ in range(2):  # however often it is read
        assert sum(len(batch.rows) for batch in opened.batches()) == 298
        assert opened.raw.refused.count == 2
    opened.raw.refused.write(tmp_path / "refused.jsonl")
    kept = [json.loads(each) for each in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert [each["line"] for each in kept] == [6, 201]
    assert kept[0]["text"] == "what\tis\tthis"
    assert "src_ip must be" in kept[1]["reason"]
    assert "\x1b" not in (tmp_path / "refused.jsonl").read_text()


@pytest.mark.parametrize("rows", [10, None])
def test_too_many_refused_lines_are_an_error_that_names_the_first(tmp_path, rows):
    file = tmp_path / "a.log"
    file.write_text(log(100, **{f"n{at}": "broken\n" for at in (5, 50, 60, 70)}))
    read = r"a\.log: 4 of 100 rows were refused \(4 %\).* \(1 %\); the first in line 6: "
    with pytest.raises(DataError, match=read):
        list(open_file(source_of(), file, rows=rows).batches())
    allowed = open_file(source_of(max_refused_share=0.04), file, rows=rows)
    assert sum(len(batch.rows) for batch in allowed.batches()) == 96


def test_a_file_that_is_cut_off_gives_what_is_whole_and_says_so(tmp_path):
    file = tmp_path / "a.log.gz"
    file.write_bytes(gzip.compress(log(5000).encode())[:-40])
    opened = open_file(source_of(), file, rows=1000)
    assert 4000 < sum(len(batch.rows) for batch in opened.batches()) < 5000
    assert opened.raw.refused.cut == "the file ends in mid-stream"
    assert opened.raw.refused.count <= 1  # the line that is cut in two


def test_the_line_in_which_a_small_file_is_cut_off_is_not_too_many(tmp_path):
    file = tmp_path / "a.log"
    file.write_text(log(12)[:-30])
    opened = open_file(source_of(), file)
    assert sum(len(batch.rows) for batch in opened.batches()) == 11
    assert opened.raw.refused.count == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no connection"),
        (HEAD.encode(), "holds no connection"),
        (b"a,b\n1,2\n", "expected a conn.log of Zeek or Zeek's conn.log in JSON"),
        (HEAD.encode() + b"broken\n", r"1 of 1 rows were refused \(100 %\)"),
    ],
)
def test_a_file_without_a_connection_of_its_format_is_an_error(tmp_path, content, says):
    file = tmp_path / "a.log"
    file.write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.log.*{says}"):
        open_file(source_of(), file)


def test_more_rows_than_the_source_allows_are_refused(tmp_path):
    (tmp_path / "a.log").write_text(log(30))
    with pytest.raises(DataError, match="more than 20 rows; if that is right, raise `max_rows`"):
        read_source(source_of(max_rows=20), root=tmp_path)


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path):
    file = tmp_path / "a.log"
    file.write_text(log(30))
    opened = open_file(source_of(), file, rows=10)
    file.write_text(log(31))
    with pytest.raises(DataError, match="was changed while it was read"):
        list(opened.batches())


def test_words_for_benign_and_unknown_can_be_said(tmp_path):
    (tmp_path / "a.log").write_text(
        HEAD + line(1, label="fine") + line(2, label="later") + line(3, label="Scan")
    )
    source = source_of(benign=["fine"], unknown=["later"])
    rows = read_source(source, root=tmp_path).train
    assert rows["label"].tolist() == [0, pd.NA, 1]
    assert rows["attack"].tolist() == [None, None, "Scan"]


def test_the_columns_of_labels_can_be_said_beside_a_known_export(tmp_path):
    (tmp_path / "a.csv").write_text(
        "src_ip,src_port,dst_ip,dst_port,protocol,bidirectional_first_seen_ms,"
        "bidirectional_duration_ms,verdict,kind\n"
        "10.0.0.1,5000,10.0.0.2,443,6,1772445600500,1500,bad,scan\n"
        "10.0.0.1,5000,10.0.0.2,443,6,1772445600500,1500,Normal,\n"
    )
    source = source_of(format="connections", files="a.csv", label="verdict", attack="kind")
    rows = read_source(source, root=tmp_path).train
    assert rows["label"].tolist() == [1, 0]
    assert rows["attack"].tolist() == ["scan", None]
    assert rows["duration"].tolist() == [1.5, 1.5]


@pytest.mark.parametrize(
    ("format_", "name", "rows"),
    [
        ("zeek", "zeek/conn.log", 360),
        ("zeek", "zeek/conn.log.gz", 360),
        ("zeek", "zeek/conn.json.log", 576),
        ("zeek", "zeek/conn.log.labeled", 1500),
        ("suricata", "suricata/eve.json", 109),
        ("netflow", "netflow/test4-malicious.binetflow", 394),
    ],
)
def test_samples_are_read_whole(shared_data, format_, name, rows):
    opened = open_file(source_of(format=format_), shared_data / name, rows=100)
    assert sum(len(batch.rows) for batch in opened.batches()) == rows
    assert opened.raw.refused.count == 0

"""What holds for every kind of log: real files give their rows, and no line goes unseen."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError
from oddwire.traffic.sources.logs.parsing.columns import LOG_SCHEMA
from oddwire.traffic.sources.logs.reading import read_log
from oddwire.traffic.sources.logs.recognising import recognised

needs_nfstream = pytest.mark.skipif(
    importlib.util.find_spec("nfstream") is None, reason="NFStream is an extra"
)
SAMPLES = [
    ("zeek/conn.log", "zeek_tsv", 360),
    ("zeek/conn.log.gz", "zeek_tsv", 360),
    ("zeek/conn.log.labeled", "zeek_tsv", 1500),
    ("zeek/conn.json.log", "zeek_json", 576),
    ("suricata/eve.json", "suricata", 109),
    ("netflow/test4-malicious.binetflow", "argus", 394),
    ("netflow/test5-mixed.binetflow", "argus", 300),
    # as many as `nfdump -B` puts together of the same captures
    pytest.param("pcap/methods.pcap", "pcap", 49, marks=needs_nfstream),
    pytest.param("pcap/synscan.pcap", "pcap", 1994, marks=needs_nfstream),
]


@pytest.mark.parametrize(("name", "kind", "rows"), SAMPLES)
@pytest.mark.parametrize("size", [1 << 22, 2_000])
def test_real_files_give_all_their_rows(
    shared_data: Path, name: str, kind: str, rows: int, size: int
) -> None:
    """Whatever the size of the blocks."""
    file = shared_data / name

    parts = list(read_log(file, size=size))

    assert recognised(file) == kind
    assert [one for part in parts for one in part.refused] == []
    assert sum(part.connections.num_rows for part in parts) == rows
    assert {tuple(part.connections.schema) for part in parts} == {tuple(LOG_SCHEMA)}


# A row of each kind, the lines before it, and whether every line below those is a row.
ZEEK_HEAD = (
    "#separator \\x09\n#unset_field\t-\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p"
    "\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\n"
)
KINDS = {
    "zeek_tsv": (
        ZEEK_HEAD,
        "1379288667.706265\tCoy\t10.0.0.1\t1032\t10.0.0.2\t80\ttcp\thttp\t0.4\t601\t38393\tSF",
    ),
    "zeek_json": (
        '{"ts":1.5,"id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","proto":"udp","history":"D"}\n',
        '{"ts":1379288667.7,"id.orig_h":"10.0.0.1","id.resp_h":"::1","proto":"tcp","duration":1.5}',
    ),
    "argus": (
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes\n",
        "2011/08/10 09:46:53.058760,1.5,tcp,10.0.0.1,1032,  <?>,10.0.0.2,80,S_RA,9,900,500",
    ),
    "nfdump": (
        "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n",
        "2024-03-30 02:30:00.000,1.500,6,10.0.0.1,1032,10.0.0.2,80,5,500,1",
    ),
}
edits = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["set", "put", "cut", "double"]),
        st.sampled_from(sorted(set(b"\t,-.e09\"'{}[]:\\x\r\x00\xff#() "))),
    ),
    max_size=4,
)


def mutated(row: bytes, changes: list[tuple[float, str, int]]) -> bytes:
    line = bytearray(row)
    for where, what, byte in changes:
        at = int(where * len(line))
        if what == "set":
            line[at : at + 1] = bytes([byte])
        elif what == "put":
            line[at:at] = bytes([byte])
        elif what == "cut":
            del line[at : at + byte % 20]
        else:
            line[at:at] = line[at // 2 :][: byte % 30]
    return bytes(line)


def without_returns(text: str) -> str:
    """Leave out what a parser would take for a line's end, and how it is written instead."""
    return text.replace("\r", "").replace("\\x0d", "").replace("\0", "\\x00")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(rows=st.lists(edits, min_size=1, max_size=12), size=st.sampled_from([300, 1 << 20]))
def test_every_line_that_is_a_row_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    rows: list[list[tuple[float, str, int]]],
    size: int,
) -> None:
    """Whatever happens to lines: as many rows as lines, refused ones under their own number."""
    head, row = KINDS[kind]
    lines = [mutated(row.encode(), changes) for changes in rows]
    if kind == "zeek_tsv":
        lines = [line for line in lines if not line.startswith(b"#")]
    file = tmp_path_factory.mktemp("log") / "log"
    file.write_bytes(head.encode() + b"".join(line + b"\n" for line in lines))

    parts = list(read_log(file, size=size))

    read = sum(part.connections.num_rows + part.folded for part in parts)
    refused = [one for part in parts for one in part.refused]
    expected = sum(1 for line in lines if line.strip(b" \t\r\x0b\x0c")) + (kind == "zeek_json")
    assert read + len(refused) == expected
    numbers = [one.line for one in refused]
    assert len(set(numbers)) == len(numbers)
    first = head.count("\n") + 1
    for one in refused:
        text = lines[one.line - first].decode("utf-8", "backslashreplace")
        assert without_returns(one.text) == without_returns(text)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    """With what it seems to be."""
    file = tmp_path / "eve.json"
    file.write_text(KINDS["argus"][0])
    with pytest.raises(DataError, match=r"eve\.json: expected Suricata.s EVE, got a binetflow of"):
        list(read_log(file, kinds=("suricata",)))
    file.write_text("hello\n")
    with pytest.raises(DataError, match="got a file of another kind"):
        list(read_log(file))


HEADERS_ALONE = ZEEK_HEAD + "#close\t2024-01-01-00-00-00\n"


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "[]\n", ZEEK_HEAD, HEADERS_ALONE])
def test_a_file_without_rows_gives_none(tmp_path: Path, content: str) -> None:
    """Of many files some are empty: that is no error, compressed or not."""
    file = tmp_path / "conn.log"
    for data in (content.encode(), gzip.compress(content.encode())):
        file.write_bytes(data)
        assert sum(part.connections.num_rows for part in read_log(file)) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_marks_of_encoding_and_ends_of_lines_are_no_values(
    tmp_path: Path, kind: str, ends: str
) -> None:
    """Nor is the end of the last line needed, but where the writer ends all of them."""
    head, row = KINDS[kind]
    text = head + row + "\n" * (kind == "zeek_tsv")
    file = tmp_path / "log"
    file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", ends).encode())

    parts = list(read_log(file))

    assert [one for part in parts for one in part.refused] == []
    rows = [row for part in parts for row in part.connections.to_pylist()]
    assert [row["src_ip"] for row in rows] == ["10.0.0.1"] * (1 + (kind == "zeek_json"))


def test_a_file_that_is_cut_off_says_so(tmp_path: Path) -> None:
    """In mid-stream: what is whole is read, the line that is not is refused."""
    head, row = KINDS["zeek_tsv"]
    lines = [row.replace("Coy", f"C{at}") for at in range(20_000)]
    packed = gzip.compress((head + "\n".join(lines) + "\n").encode())
    file = tmp_path / "conn.log.gz"
    file.write_bytes(packed[: len(packed) // 2])

    parts = list(read_log(file, size=50_000))

    assert 100 < sum(part.connections.num_rows for part in parts) < 20_000
    assert sum(len(part.refused) for part in parts) <= 1
    assert [part.cut for part in parts if part.cut] == ["the file ends in mid-stream"]


def test_a_log_of_other_things_is_not_taken_for_connections(tmp_path: Path) -> None:
    """Zeek's other logs have two ends as well."""
    file = tmp_path / "dns.log"
    file.write_text('{"ts":1.5,"uid":"C","id.orig_h":"10.0.0.1","id.resp_h":"::1","proto":"udp"}\n')
    assert recognised(file) is None


def test_a_first_line_that_is_damaged_hides_not_what_a_file_is(tmp_path: Path) -> None:
    """It is refused alone."""
    record = {"first": "2012-12-01T02:28:35.964", "last": "2012-12-01T02:28:36", "proto": 17}
    record |= {"src4_addr": "10.0.0.1", "dst4_addr": "10.0.0.2", "in_packets": 4, "in_bytes": 9}
    file = tmp_path / "flows.json"
    file.write_text('", "proto": 6}\n' + (json.dumps(record) + "\n") * 3)

    parts = list(read_log(file))

    assert sum(part.connections.num_rows for part in parts) == 3
    assert [one.line for part in parts for one in part.refused] == [1]

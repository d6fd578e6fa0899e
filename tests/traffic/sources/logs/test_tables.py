"""Tables of connections: what programs export is known by its names, others by a map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddwire.errors import DataError
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.tables.reading import read
from oddwire.traffic.sources.logs.tables.values import TableSettings

START = "2023-11-14T22:13:20+00:00"
ZEEK = "ts,uid,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,duration,orig_bytes,resp_bytes"
AWS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes"
    " start end action log-status"
)
AWS_ROW = "2 1234 eni-0a 10.0.0.1 10.0.0.2 1032 80 6 5 500 1700000000 1700000060 ACCEPT OK"


def parts_of(tmp_path: Path, *lines: str, size: int = 1 << 20, **settings: Any) -> list[LogPart]:
    file = tmp_path / "table"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return list(read(file, TableSettings(**settings), size=size))


def rows_of(parts: list[LogPart]) -> list[dict[str, Any]]:
    return [row for part in parts for row in part.connections.to_pylist()]


def reasons_of(parts: list[LogPart]) -> list[tuple[int, str]]:
    return [(one.line, one.reason) for part in parts for one in part.refused]


EXPORTS = {
    "Zeek": (ZEEK, "1700000000,C1,10.0.0.1,1032,10.0.0.2,80,tcp,1.5,500,400"),
    "Zeek, renamed": (
        ZEEK.replace(".", "_"), "1700000000,C1,10.0.0.1,1032,10.0.0.2,80,tcp,1.5,500,400",
    ),
    "Suricata": (
        ("flow_id,src_ip,src_port,dest_ip,dest_port,proto,flow.start,flow.end"
        ",flow.bytes_toserver,flow.bytes_toclient"),
        ("1,10.0.0.1,1032,10.0.0.2,80,TCP,2023-11-14T22:13:20.0+0000,"
        "2023-11-14T22:13:21.5+0000,500,400"),
    ),
    "Argus": (
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes,Label",
        "2023/11/14 22:13:20.000000,1.5,tcp,10.0.0.1,1032,  <?>,10.0.0.2,80,FSPA_FSPA,9,900,500,",
    ),
    "nfdump 1.6": (
        "ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt,opkt,obyt",
        "2023-11-14 22:13:20,2023-11-14 22:13:21,1.5,10.0.0.1,10.0.0.2,1032,80,TCP,5,500,4,400",
    ),
    "NFStream": (
        ("id,src_ip,src_port,dst_ip,dst_port,protocol,bidirectional_first_seen_ms"
        ",bidirectional_duration_ms,src2dst_bytes,dst2src_bytes"),
        "0,10.0.0.1,1032,10.0.0.2,80,6,1700000000000,1500,500,400",
    ),
    "CICFlowMeter": (
        ("Flow ID, Src IP, Src Port, Dst IP, Dst Port, Protocol, Timestamp, Flow Duration"
        ", Fwd Header Length, Fwd Header Length, TotLen Fwd Pkts, TotLen Bwd Pkts, Label"),
        "x,10.0.0.1,1032,10.0.0.2,80,6,2023-11-14 22:13:20,1500000,1,2,500,400,No Label",
    ),
    "Wireshark": (
        ("Address A,Port A,Address B,Port B,Packets,Bytes,Packets A → B,Bytes A → B"
        ",Packets B → A,Bytes B → A,Rel Start,Abs Start,Duration"),
        "10.0.0.1,1032,10.0.0.2,80,9,900,5,500,4,400,0.0,2023-11-14 22:13:20.0000,1.5",
    ),
    "ours": (
        "ts,src_ip,src_port,dst_ip,dst_port,proto,duration,src_bytes,dst_bytes",
        f"{START},10.0.0.1,1032,10.0.0.2,80,tcp,1.5,500,400",
    ),
}  # fmt: skip


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("name", EXPORTS)
def test_a_known_export_needs_no_map(tmp_path: Path, name: str, ends: str) -> None:
    """All give the same connection; what a program does not tell is missing."""
    file = tmp_path / "table"
    file.write_text(ends.join(EXPORTS[name]) + ends, encoding="utf-8", newline="")

    parts = list(read(file, TableSettings()))

    assert reasons_of(parts) == []
    row = rows_of(parts)[0]
    assert row["ts"].isoformat() == START
    expected = ("10.0.0.1", 1032, "10.0.0.2", 80, 1.5, 500, 400)
    names = ("src_ip", "src_port", "dst_ip", "dst_port", "duration", "src_bytes", "dst_bytes")
    assert tuple(row[one] for one in names) == expected
    assert row["proto"] == (None if name == "Wireshark" else "tcp")
    assert row["label"] is None


def test_aws_records_one_direction_and_intervals_without_traffic_are_no_rows(
    tmp_path: Path,
) -> None:
    """Neither read nor refused; in a row with traffic, a dash is what is not known."""
    nothing = "2 1234 eni-0a - - - - - - - 1700000000 1700000060 - {}"
    parts = parts_of(
        tmp_path, AWS, nothing.format("NODATA"), AWS_ROW, nothing.format("SKIPDATA"),
        AWS_ROW.replace(" 500 ", " - "), "2 1234 eni-0a",
    )  # fmt: skip

    rows = rows_of(parts)
    assert [row["src_bytes"] for row in rows] == [500, None]
    assert (rows[0]["duration"], rows[0]["dst_bytes"], rows[0]["proto"]) == (60.0, None, "tcp")
    assert [line for line, _ in reasons_of(parts)] == [6]


@pytest.mark.parametrize(
    "lines",
    [
        ["sep=;", *(line.replace(",", ";") for line in EXPORTS["ours"])],
        ["", *EXPORTS["ours"]],
        [*EXPORTS["ours"], "", EXPORTS["ours"][0], ""],
        ["\ufeff" + EXPORTS["ours"][0], EXPORTS["ours"][1]],
        [line.replace(",", "\t") for line in EXPORTS["ours"]],
    ],
    ids=["sep=", "blank above", "header again", "bom", "tabs"],
)
def test_what_stands_around_the_rows_is_none(tmp_path: Path, lines: list[str]) -> None:
    """Whatever a program puts above or between them."""
    parts = parts_of(tmp_path, *lines)
    assert (len(rows_of(parts)), reasons_of(parts)) == (1, [])


def test_a_stray_quote_takes_its_own_line_alone(tmp_path: Path) -> None:
    """The rows that follow are read."""
    head, row = EXPORTS["ours"]
    parts = parts_of(tmp_path, head, row, row.replace("tcp", 't"cp'), row, row)
    assert len(rows_of(parts)) == 3
    assert reasons_of(parts) == [(3, "a quote is not closed")]


MAP = {"ts": "when", "src_ip": "from", "dst_ip": "to", "proto": "l4", "label": "verdict"}
OWN = "when,from,to,l4,verdict"


@pytest.mark.parametrize(
    ("settings", "given", "expected"),
    [
        ({}, "1700000000", START),
        ({}, "1700000000000000000", START),
        ({"time_format": "us"}, "1700000000000000", START),
        ({"time_format": "excel"}, "45244.925925925925", START),
        ({"time_format": "filetime"}, "133444736000000000", START),
        ({"zone": "Europe/Berlin"}, "2023-11-14 23:13:20", START),
        ({"zone": "Europe/Berlin"}, "2023-11-14 22:13:20 Z", START),
        ({"time_format": "%d.%m.%Y %I:%M:%S %p"}, "14.11.2023 10:13:20 PM", START),
        ({"time_format": "%Y%m%d"}, "20231114", "2023-11-14T00:00:00+00:00"),
        ({"time_format": "%Y-%m-%d %H:%M:%S %z"}, "2023-11-14 23:13:20 +0100", START),
        ({"time_format": "%Y-%m-%d %H:%M", "zone": "Asia/Tokyo"}, "2023-11-15 07:13",
         "2023-11-14T22:13:00+00:00"),
    ],
)  # fmt: skip
def test_times_are_what_the_source_says(
    tmp_path: Path, settings: dict[str, Any], given: str, expected: str
) -> None:
    """By unit, format and zone."""
    parts = parts_of(tmp_path, OWN, f"{given},10.0.0.1,10.0.0.2,udp,", columns=MAP, **settings)
    assert reasons_of(parts) == []
    assert rows_of(parts)[0]["ts"].isoformat() == expected


@pytest.mark.parametrize(
    "given",
    [
        "20240610",
        "202406101314",
        "20240610131415",
        "2024061013",
        "45443.5",
        "133624512000000000",
        "14.11.2023 10:13",
        "soon",
        "-5",
    ],
)
def test_a_number_that_is_no_second_is_never_1970(tmp_path: Path, given: str) -> None:
    """Dates without separators, days since 1900, FILETIME: refused, with the value."""
    parts = parts_of(tmp_path, OWN, f"{given},10.0.0.1,10.0.0.2,udp,", columns=MAP)
    assert rows_of(parts) == []
    assert given[:8] in reasons_of(parts)[0][1]


def test_a_label_that_is_not_known_is_no_attack(tmp_path: Path) -> None:
    """Numbers are labels too; a family is named where there is one."""
    labels = ["0", "1", "Benign", "DDoS", "No Label", "NeedManualLabel", "Background", "", "-"]
    lines = [f"1700000000,10.0.0.1,10.0.0.2,udp,{label}" for label in labels]
    rows = rows_of(parts_of(tmp_path, OWN, *lines, columns=MAP))
    assert [(row["label"], row["attack"]) for row in rows] == [
        (0, None), (1, None), (0, None), (1, "DDoS"), *[(None, None)] * 5,
    ]  # fmt: skip


def test_lines_of_json_may_leave_out_what_is_missing(tmp_path: Path) -> None:
    """In any block of them; a column that no connection can lack is named."""
    record = {"when": 1700000000, "from": "10.0.0.1", "to": "10.0.0.2", "l4": "udp"}
    lines = [json.dumps(record), json.dumps(record | {"verdict": "benign"})]
    rows = rows_of(parts_of(tmp_path, *lines, size=10, columns=MAP))
    assert [row["label"] for row in rows] == [None, 0]
    with pytest.raises(DataError, match="lacks the column 'from'"):
        parts_of(tmp_path, '{"when": 1, "to": "10.0.0.2"}', columns=MAP)


def test_parquet_of_any_types(tmp_path: Path) -> None:
    """Dictionaries, views, floats for whole numbers with NaN, decimals, durations, local times."""
    table = pa.table(
        {
            "ts": pa.array([pd.Timestamp("2023-11-14 23:13:20")] * 2, pa.timestamp("ns")),
            "src_ip": pa.array(["10.0.0.1"] * 2, pa.string_view()),
            "src_port": pa.array([1032.0, float("nan")]),
            "dst_ip": pa.array(["10.0.0.2"] * 2).dictionary_encode(),
            "dst_port": pa.array([80, None], pa.uint16()),
            "proto": pa.array([6, 17], pa.uint8()),
            "duration": pa.array([1_500_000, None], pa.duration("us")),
            "src_bytes": pa.array([500, None]).cast(pa.decimal128(20, 0)),
            "label": pa.array([True, None]),
        }
    )
    file = tmp_path / "flows.parquet"
    pq.write_table(table, file)

    parts = list(read(file, TableSettings(zone="Europe/Berlin")))

    assert reasons_of(parts) == []
    first, second = rows_of(parts)
    assert first["ts"].isoformat() == START
    names = ("src_port", "dst_port", "duration", "src_bytes", "label", "proto")
    assert [first[name] for name in names] == [1032, 80, 1.5, 500, 1, "tcp"]
    assert [second[name] for name in names] == [None, None, None, None, None, "udp"]


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    """With what it has."""
    with pytest.raises(DataError, match="no known export has these columns"):
        parts_of(tmp_path, "a,b,c", "1,2,3")
    with pytest.raises(DataError, match="'hello' alone"):
        parts_of(tmp_path, "hello", columns=MAP)
    with pytest.raises(DataError, match="rounded"):
        parts_of(tmp_path, "Date first seen             Duration     Proto")
    assert parts_of(tmp_path) == []


def test_a_named_label_changes_nothing_else_of_a_known_export(tmp_path: Path) -> None:
    """Records told again are folded; fields that a first line of JSON lacks are read."""
    rows = [f"1700000000,C1,10.0.0.1,1032,10.0.0.2,80,tcp,{lasted},5,4,bad" for lasted in (1, 9)]
    parts = parts_of(tmp_path, f"{ZEEK},verdict", *rows, named={"label": "verdict"})
    assert [(row["duration"], row["label"]) for row in rows_of(parts)] == [(9.0, 1)]
    assert sum(part.folded for part in parts) == 1
    record = {"ts": 1700000000, "src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "src_bytes": 1}
    lines = [json.dumps(record), json.dumps(record | {"dst_bytes": 7, "verdict": "ok"})]
    read = rows_of(parts_of(tmp_path, *lines, named={"label": "verdict"}))
    assert [row["dst_bytes"] for row in read] == [None, 7]
    with pytest.raises(DataError, match=r"lacks the column 'verdikt'.* under label"):
        parts_of(tmp_path, ZEEK, rows[0], named={"label": "verdikt"})


@pytest.mark.parametrize("year", [1905, 9950])
def test_a_time_of_parquet_is_from_1970_to_9900(tmp_path: Path, year: int) -> None:
    """As all others are."""
    moments = pa.array([f"{year}-01-01", "2023-11-14"]).cast(pa.timestamp("us"))
    file = tmp_path / "flows.parquet"
    pq.write_table(
        pa.table({"ts": moments, "src_ip": ["10.0.0.1"] * 2, "dst_ip": ["10.0.0.2"] * 2}), file
    )
    parts = list(read(file, TableSettings()))
    assert [row["ts"].year for row in rows_of(parts)] == [2023]
    assert "ts must be a time from 1970 to 9900" in reasons_of(parts)[0][1]


def test_a_word_for_missing_is_benign_where_the_source_says_so(tmp_path: Path) -> None:
    """And missing in other columns, whatever the file's form."""
    labels = ("none", "-", "None", "scan")
    csv = [f"1700000000,10.0.0.1,10.0.0.2,tcp,-,{label}" for label in labels]
    settings = {"named": {"label": "kind"}, "labels": LabelRule(benign=("none", "-"))}
    head = "ts,src_ip,dst_ip,proto,src_bytes,kind"
    objects = [dict(zip(head.split(","), line.split(","), strict=True)) for line in csv]
    for lines in ((head, *csv), map(json.dumps, objects)):
        parts = parts_of(tmp_path, *lines, **settings)
        assert reasons_of(parts) == []
        read = [(row["label"], row["src_bytes"]) for row in rows_of(parts)]
        assert read == [(0, None), (0, None), (0, None), (1, None)]


def test_lines_of_json_with_ever_new_names_cost_no_more(tmp_path: Path) -> None:
    """A name that is used may come in a late block all the same."""
    record = {"ts": 1700000000, "src_ip": "10.0.0.1", "dst_ip": "10.0.0.2"}
    lines = [json.dumps(record | {f"k{at}": at}) for at in range(50)]
    parts = parts_of(tmp_path, *lines, json.dumps(record | {"src_bytes": 7}), size=100)
    assert [row["src_bytes"] for row in rows_of(parts)] == [*[None] * 50, 7]
    with pytest.raises(DataError, match=r"no known export has these columns.*got 'a'"):
        parts_of(tmp_path, '{"a": 1}')

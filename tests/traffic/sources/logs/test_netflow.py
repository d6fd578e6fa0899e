"""Flow records of Argus and of nfdump."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oddwire.errors import DataError
from oddwire.traffic.sources.logs import LogPart, Refused
from oddwire.traffic.sources.logs.netflow import argus, nfdump
from oddwire.traffic.sources.logs.parsing.lines import LONGEST_LINE, Block
from oddwire.traffic.sources.logs.reading import read_log

ARGUS = (
    "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos"
    ",TotPkts,TotBytes,SrcBytes,Label"
)
OLD = "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt"
NEW = "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows"
FAST = "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,flags,packets,bytes"


def read(
    reader: Callable[..., Iterator[LogPart]],
    *lines: str,
    zone: str = "UTC",
    by_line: bool = False,
) -> tuple[list[dict[str, Any]], list[Refused]]:
    text = "".join(f"{line}\n" for line in lines)
    blocks = [Block(1, text.encode())]
    if by_line:
        blocks = [Block(at, f"{line}\n".encode()) for at, line in enumerate(text.splitlines(), 1)]
    parts = list(reader(blocks, origin="records", zone=zone))
    rows = [row for part in parts for row in part.connections.to_pylist()]
    return rows, [refused for part in parts for refused in part.refused]


def argus_row(**values: str) -> str:
    row = {
        "StartTime": "2011/08/10 09:46:53.058760", "Dur": "1.5", "Proto": "tcp",
        "SrcAddr": "10.0.0.1", "Sport": "1032", "Dir": "  <?>", "DstAddr": "10.0.0.2",
        "Dport": "80", "State": "FSPA_FSPA", "sTos": "0", "dTos": "0", "TotPkts": "9",
        "TotBytes": "900", "SrcBytes": "500", "Label": "flow=From-Normal-V42-Grill",
    }  # fmt: skip
    return ",".join((row | values).values())


@pytest.mark.parametrize("separator", [",", "\t"])
def test_argus_tells_the_sum_and_what_the_source_sent(separator: str) -> None:
    """The destination's bytes are the rest; its packets are unknown where the source's are."""
    rows, refused = read(
        argus.read, *(line.replace(",", separator) for line in (ARGUS, argus_row()))
    )

    assert refused == []
    row = rows[0]
    assert row["ts"].isoformat() == "2011-08-10T09:46:53.058760+00:00"
    assert (row["src_bytes"], row["dst_bytes"], row["src_packets"]) == (500, 400, None)
    assert (row["conn_state"], row["label"], row["attack"]) == ("SF", 0, None)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("flow=From-Botnet-V42-UDP-DNS", (1, "From-Botnet-V42-UDP-DNS")),
        ("flow=Malware-TCP", (1, "Malware-TCP")),
        ("flow=Background-UDP-Attempt", (None, None)),
        ("flow=TCP-Established-To-Microsoft-7", (None, None)),
        ("", (None, None)),
    ],
)
def test_background_is_unknown(label: str, expected: tuple[int | None, str | None]) -> None:
    """Neither benign nor an attack."""
    rows, _ = read(argus.read, ARGUS, argus_row(Label=label))
    assert (rows[0]["label"], rows[0]["attack"]) == expected


def test_ports_of_icmp_and_addresses_of_ethernet() -> None:
    """Hexadecimal ports are a type and a code; an address of Ethernet is one."""
    rows, refused = read(
        argus.read, ARGUS,
        argus_row(Proto="icmp", Sport="0x0303", Dport="0x0ecc", State="URP"),
        argus_row(Proto="arp", SrcAddr="00:0c:29:cd:14:fc", Sport="", Dport="", State="CON"),
        argus_row(Sport="0x0303"),
        argus_row(SrcAddr="-"),
    )  # fmt: skip
    assert [(row["proto"], row["src_port"]) for row in rows] == [("icmp", None), ("arp", None)]
    assert [(one.line, one.reason[:6]) for one in refused] == [(4, "src_po"), (5, "src_ip")]


BOTH_WAYS, ONE_WAY = (5, 500, 4, 400), (5, 500, None, None)
OLD_ROW = "2024-03-30 02:30:00,2024-03-30 02:30:01,1.500,10.0.0.1,10.0.0.2,1032,80,TCP,.AP.SF,0,0,"


@pytest.mark.parametrize(
    ("header", "row", "sent"),
    [
        (OLD, f"{OLD_ROW}5,500,4,400", BOTH_WAYS),
        (OLD, f"{OLD_ROW}5,500,0,0", ONE_WAY),
        (NEW, "2024-03-30 02:30:00.000,1.500,6,10.0.0.1,1032,10.0.0.2,80,5,500,1", ONE_WAY),
        (FAST, "1,2,1711765800000,1711765801500,6,10.0.0.1,1032,10.0.0.2,80,27,5,500", ONE_WAY),
    ],
    ids=["old", "old, one way", "new", "fast"],
)
def test_nfdumps_forms_give_one_row(header: str, row: str, sent: tuple[int | None, ...]) -> None:
    """A way back of which nothing is told is unknown, not 0."""
    rows, refused = read(nfdump.read, header, row)

    assert refused == []
    names = ("src_packets", "src_bytes", "dst_packets", "dst_bytes")
    assert tuple(rows[0][name] for name in names) == sent
    assert (rows[0]["duration"], rows[0]["proto"], rows[0]["dst_port"]) == (1.5, "tcp", 80)
    assert rows[0]["ts"].isoformat() == "2024-03-30T02:30:00+00:00"


def test_times_are_of_the_zone_that_is_named() -> None:
    """Berlin's summer begins at two; what its clocks left out is the moment after."""
    row = "{},1.5,6,10.0.0.1,1032,10.0.0.2,80,5,500,1"
    times = ("2024-01-10 12:00:00.000", "2024-07-10 12:00:00.000", "2024-03-31 02:30:00.000")
    rows, _ = read(nfdump.read, NEW, *map(row.format, times), zone="Europe/Berlin")
    assert [one["ts"].strftime("%m-%d %H:%M") for one in rows] == [
        "01-10 11:00",
        "07-10 10:00",
        "03-31 01:00",
    ]


def test_the_sums_below_the_rows_are_no_row() -> None:
    """nfdump ends with a summary."""
    row = "2024-03-30 02:30:00,2024-03-30 02:30:01,1.5,10.0.0.1,10.0.0.2,1,80,TCP,.,0,0,5,500,0,0"
    rows, refused = read(nfdump.read, OLD, row, "Summary", "flows,bytes,packets", "98,219155,655")
    assert (len(rows), refused) == (1, [])


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("by_line", [False, True])
def test_json_in_one_array_or_in_lines(indent: int | None, by_line: bool) -> None:
    """Each record is a row, and a broken one is refused under its first line."""
    record = {
        "type": "FLOW", "first": "2012-12-01T02:28:35.964", "last": "2012-12-01T02:28:40.008",
        "proto": 17, "src_port": 53, "dst_port": 80, "src4_addr": "10.0.0.1",
        "dst4_addr": "10.0.0.2", "in_packets": 4, "in_bytes": 1327,
    }  # fmt: skip
    broken = record | {"in_bytes": "many"}
    records = [record, broken, record | {"src4_addr": None, "src6_addr": "::1"}]
    text = json.dumps(records, indent=indent) if indent else "\n".join(map(json.dumps, records))

    rows, refused = read(nfdump.read, *text.splitlines(), by_line=by_line)

    assert [row["src_ip"] for row in rows] == ["10.0.0.1", "::1"]
    assert rows[0]["duration"] == pytest.approx(4.044)
    assert len(refused) == 1
    assert "in_bytes" in refused[0].reason


def test_a_header_that_is_none_of_these_is_refused() -> None:
    """By name."""
    with pytest.raises(DataError, match="none of nfdump's"):
        read(nfdump.read, "a,b,c", "1,2,3")
    with pytest.raises(DataError, match="needs the column 'SrcAddr'"):
        read(argus.read, "StartTime,Dur,Proto", "1,2,3")


def test_argus_may_print_seconds() -> None:
    """Since 1970."""
    rows, refused = read(argus.read, ARGUS, argus_row(StartTime="1312962413.058760"))
    assert refused == []
    assert rows[0]["ts"].isoformat() == "2011-08-10T07:46:53.058760+00:00"


@pytest.mark.parametrize("by_line", [False, True])
def test_printed_files_put_together_are_read_to_the_end(by_line: bool) -> None:
    """Each has its header and its sums; another form may follow."""
    old = "2024-03-30 02:30:00,2024-03-30 02:30:01,1.5,10.0.0.1,10.0.0.2,1,80,TCP,.,0,0,5,500,0,0"
    new = "2024-03-30 02:30:00.000,1.500,6,10.0.0.1,1032,10.0.0.2,80,5,500,1"
    sums = (
        "Summary",
        "flows,bytes,packets,avg_bps,avg_pps,avg_bpp",
        "196,438310,1310,55974,20,334",
    )
    rows, refused = read(
        nfdump.read, OLD, old, *sums, OLD, old, "more", *sums, NEW, new, by_line=by_line
    )
    assert [row["src_bytes"] for row in rows] == [500, 500, 500]
    assert [one.line for one in refused] == [8]


def test_one_array_in_one_line_is_read_in_pieces(tmp_path: Path) -> None:
    """However long the line is; braces in a text are none."""
    record = {
        "first": "2012-12-01T02:28:35.964", "last": "2012-12-01T02:28:40.008", "proto": 17,
        "src4_addr": "10.0.0.1", "dst4_addr": "10.0.0.2", "in_packets": 4, "in_bytes": 1327,
        "label": "}{",
    }  # fmt: skip
    file = tmp_path / "flows.json"
    file.write_text(json.dumps([record] * 8000))
    assert file.stat().st_size > LONGEST_LINE

    parts = list(read_log(file, size=10_000))

    assert [one for part in parts for one in part.refused] == []
    assert sum(part.connections.num_rows for part in parts) == 8000
    assert max(part.connections.num_rows for part in parts) < 2000

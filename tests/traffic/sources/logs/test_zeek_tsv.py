"""Zeek's own logs: what its writer does is honoured."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from oddwire.errors import DataError
from oddwire.traffic.sources.logs import Refused
from oddwire.traffic.sources.logs.parsing.lines import Block
from oddwire.traffic.sources.logs.zeek import tsv

FIELDS = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service",
    "duration", "orig_bytes", "resp_bytes", "conn_state", "history", "orig_pkts", "resp_pkts",
)  # fmt: skip
ROW = (
    "1379288667.706265", "Coy", "10.0.0.1", "1032", "10.0.0.2", "80", "tcp", "http", "0.447460",
    "601", "38393", "RSTO", "ShADadR", "22", "31",
)  # fmt: skip


def log(
    *lines: str, fields: tuple[str, ...] = FIELDS, tab: str = "\t", ended: bool = True
) -> bytes:
    head = [
        rf"#separator \x{ord(tab):02x}", f"#set_separator{tab},", f"#empty_field{tab}(empty)",
        f"#unset_field{tab}-", f"#path{tab}conn", f"#fields{tab}{tab.join(fields)}",
    ]  # fmt: skip
    return ("\n".join([*head, *lines]) + "\n" * ended).encode()


def changed(**values: str) -> str:
    given = dict(zip(FIELDS, ROW, strict=True)) | {
        name.replace("__", "."): value for name, value in values.items()
    }
    return "\t".join(given.values())


def read(data: bytes, **options: Any) -> tuple[list[dict[str, Any]], list[Refused]]:
    parts = list(tsv.read([Block(1, data)], origin="conn.log", **options))
    rows = [row for part in parts for row in part.connections.to_pylist()]
    return rows, [refused for part in parts for refused in part.refused]


def test_a_connection_is_read_under_its_schema() -> None:
    """The end is the start and the duration, to the microsecond."""
    rows, refused = read(log(changed()))

    assert refused == []
    assert rows == [
        {
            "ts": datetime(2013, 9, 15, 23, 44, 27, 706265, UTC),
            "end": datetime(2013, 9, 15, 23, 44, 28, 153725, UTC),
            "uid": "Coy", "src_ip": "10.0.0.1", "src_port": 1032, "dst_ip": "10.0.0.2",
            "dst_port": 80, "proto": "tcp", "service": "http", "duration": 0.44746,
            "src_bytes": 601, "dst_bytes": 38393, "src_packets": 22, "dst_packets": 31,
            "conn_state": "RSTO", "history": "ShADadR", "label": None, "attack": None,
            "campaign": None,
        }
    ]  # fmt: skip


def test_what_is_unset_is_missing_and_never_zero() -> None:
    """A connection of one packet has no duration and no bytes."""
    rows, _ = read(log(changed(duration="-", orig_bytes="-", resp_bytes="-", service="(empty)")))

    assert [rows[0][name] for name in ("duration", "src_bytes", "dst_bytes", "service")] == [
        None
    ] * 4
    assert rows[0]["end"] == rows[0]["ts"]


def test_unset_is_looked_for_before_escapes_are_resolved() -> None:
    r"""``\x2d`` is a dash that was written, ``-`` an unset field; NUL and UTF-8 are kept."""
    rows, refused = read(log(changed(uid=r"\x2d", service=r"a\x00b", history=r"\xc3\xa9")))

    assert refused == []
    assert (rows[0]["uid"], rows[0]["service"], rows[0]["history"]) == ("-", "a\0b", "é")


def test_a_row_that_begins_with_the_mark_of_headers_is_escaped_and_read() -> None:
    r"""Zeek writes its first byte as ``\x23``."""
    rows, refused = read(log(changed(), fields=FIELDS) + rb"\x23" + b"\tbad\n")
    assert (len(rows), len(refused)) == (1, 1)


def test_a_header_in_the_middle_counts_from_there() -> None:
    """Files put together: other columns, another order, another separator."""
    second = ("uid", "ts", "proto", "id.resp_h", "id.orig_h", "extra")
    data = log(changed()) + log("U2,1379288668.5,udp,10.0.0.9,10.0.0.8,x", fields=second, tab=",")

    rows, refused = read(data)

    assert refused == []
    assert [row["uid"] for row in rows] == ["Coy", "U2"]
    assert (rows[1]["src_ip"], rows[1]["dst_port"], rows[1]["proto"]) == ("10.0.0.8", None, "udp")


@pytest.mark.parametrize("name", ["id_orig_h", "id-orig-h", "id.orig_h"])
def test_names_may_have_another_separator(name: str) -> None:
    """Zeek itself can be told to write one."""
    fields = tuple(name if field == "id.orig_h" else field for field in FIELDS)
    rows, _ = read(log(changed(), fields=fields))
    assert rows[0]["src_ip"] == "10.0.0.1"


def test_a_bare_header_line_is_enough() -> None:
    """Some programs keep the names alone."""
    rows, _ = read("\n".join(["\t".join(FIELDS), changed()]).encode() + b"\n")
    assert rows[0]["uid"] == "Coy"


def test_windows_line_ends_are_no_part_of_a_value() -> None:
    """A tab at the end is a column, a carriage return is none."""
    rows, refused = read(log(changed()).replace(b"\n", b"\r\n"))
    assert (rows[0]["dst_packets"], refused) == (31, [])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"ts": "-"}, "ts is needed, got nothing"),
        ({"ts": "yesterday"}, "ts must be a number, got 'yesterday'"),
        ({"ts": "1e300"}, "ts must be a time from 1970 to 9900, got 1e+300"),
        ({"id__orig_p": "70000"}, "src_port must be from 0 to 65535"),
        ({"orig_bytes": "-5"}, "src_bytes must be from 0 to"),
        ({"duration": "-1.5"}, "duration must be from 0 to 10 years"),
        ({"duration": "nan"}, "duration must be"),
        ({"id__resp_h": "10.0.0.x"}, "dst_ip must be an address of IP, got '10.0.0.x'"),
        ({"resp_pkts": "1.5"}, "dst_packets must be whole, got '1.5'"),
    ],
)
def test_a_line_that_breaks_a_rule_is_refused_with_its_number(
    values: dict[str, str], reason: str
) -> None:
    """The lines around it are read."""
    broken = changed(**values)

    rows, refused = read(log(changed(), broken, changed()))

    assert len(rows) == 2
    assert [(one.line, one.text) for one in refused] == [(8, broken)]
    assert refused[0].reason.startswith(reason)


def test_another_number_of_values_is_refused() -> None:
    """Neither filled up nor cut."""
    rows, refused = read(log(changed(), "1379288667.7\tCoy", changed() + "\tmore", "", changed()))

    assert len(rows) == 2
    assert [(one.line, one.reason) for one in refused] == [
        (8, "15 values are needed, got 2"),
        (9, "15 values are needed, got 16"),
    ]


def test_a_last_line_without_its_end_is_refused() -> None:
    """Zeek ends every line: of this one, a part of the last number may be gone."""
    rows, refused = read(log(changed(), changed(), ended=False))
    assert len(rows) == 1
    assert [(one.line, one.reason) for one in refused] == [(8, "the file ends in mid-line")]


def test_labels_are_known_by_themselves() -> None:
    """In a field of three that spaces divide, or in columns of their own; unknown is no attack."""
    three = (*FIELDS, "tunnel_parents   label   detailed-label")
    texts = ("-   Benign   -", "-   Malicious   C&C", "(empty)   malicious   -", "-   -   -", "x")
    together, _ = read(log(*(f"{changed()}\t{text}" for text in texts), fields=three))
    apart, _ = read(
        log(
            f"{changed()}\tBenign\t-", f"{changed()}\tMalicious\tDDoS",
            f"{changed()}\tBackground\t-", fields=(*FIELDS, "label", "detailedlabel"),
        )
    )  # fmt: skip

    assert [(row["label"], row["attack"]) for row in together] == [
        (0, None), (1, "C&C"), (1, "malicious"), (None, None), (None, None),
    ]  # fmt: skip
    assert [(row["label"], row["attack"]) for row in apart] == [
        (0, None),
        (1, "DDoS"),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (log("x", fields=("ts", "uid")), "needs the field 'id.orig_h', got 'ts', 'uid'"),
        (
            log(changed()).replace(b"\tconn\n", b"\tdns\n"),
            "a log of connections is needed, got one of 'dns'",
        ),
        (b"1\t2\t3\n", "a Zeek log begins with a header"),
    ],
)
def test_a_file_that_is_no_log_of_connections_is_refused(data: bytes, message: str) -> None:
    """By one line that says what is missing."""
    with pytest.raises(DataError, match=message):
        read(data)


@pytest.mark.parametrize("tab", ["|", ";", " ", "\x01"])
def test_any_separator_and_any_mark_of_headers(tab: str) -> None:
    """Both can be set in Zeek."""
    data = log(changed().replace("\t", tab), tab=tab).replace(b"#", b"//")
    rows, refused = read(data)
    assert ([row["uid"] for row in rows], refused) == (["Coy"], [])


def test_columns_come_and_go() -> None:
    """Additions are passed over; a column that is left out is missing; trailing tabs are values."""
    fields = ("_write_ts", "ts", "uid", "id.orig_h", "id.resp_h", "service", "ip_proto", "vlan", "")
    line = "1\t1379288667.5\tU\t10.0.0.1\t10.0.0.2\tssl,-ssl\t6\t\t"
    rows, refused = read(log(line, fields=fields))
    assert refused == []
    assert (rows[0]["service"], rows[0]["proto"], rows[0]["conn_state"]) == ("ssl,-ssl", None, None)


def test_letters_of_a_history_are_kept() -> None:
    """Those of new versions too."""
    rows, _ = read(log(changed(history="^dDaAgGtTwWqQxX")))
    assert rows[0]["history"] == "^dDaAgGtTwWqQxX"


def test_a_log_that_was_begun_anew_in_its_place_is_read_from_there() -> None:
    """A restart leaves the tail of a line, or a hole of NULs, above a new header."""
    data = log(changed()) + b"1379288668.1\tCu" + b"\0" * 300 + b"\n" + log(changed(uid="New"))
    rows, refused = read(data)
    assert ([row["uid"] for row in rows], [one.line for one in refused]) == (["Coy", "New"], [8])


@pytest.mark.parametrize("where", [0, 5, 14])
def test_a_nul_in_a_line_costs_no_other_line(where: int) -> None:
    """A parser that knows no quotes takes it for one."""
    values = [*ROW]
    values[where] = "\0" * 9 + values[where]
    broken = "\t".join(values)
    rows, refused = read(log(*[changed(), broken] * 50))
    assert len(rows) + len(refused) == 100
    assert len(rows) >= 50

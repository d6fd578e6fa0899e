"""Zeek's logs as JSON, and as shippers change them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from oddwire.traffic.sources.logs import Refused
from oddwire.traffic.sources.logs.parsing.lines import Block
from oddwire.traffic.sources.logs.zeek import json as zeek_json

FLAT: dict[str, Any] = {
    "ts": 1700000000.123456, "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": 5,
    "id.resp_h": "::1", "id.resp_p": 80, "proto": "tcp", "service": "http", "duration": 1.5,
    "orig_bytes": 10, "resp_bytes": 20, "conn_state": "SF", "history": "Sh", "orig_pkts": 1,
    "resp_pkts": 2,
}  # fmt: skip
START = datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)


def read(*lines: str | dict[str, Any]) -> tuple[list[dict[str, Any]], list[Refused]]:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    data = "".join(f"{text}\n" for text in texts).encode()
    parts = list(zeek_json.read([Block(1, data)], origin="conn.log"))
    rows = [row for part in parts for row in part.connections.to_pylist()]
    return rows, [refused for part in parts for refused in part.refused]


NESTED = FLAT | {"id": {"orig_h": "10.0.0.1", "orig_p": 5, "resp_h": "::1", "resp_p": 80}}
for name in ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"):
    del NESTED[name]
RENAMED = {name.replace(".", "_"): value for name, value in FLAT.items()}
ECS = {
    "@timestamp": "2023-11-14T22:13:20.123456Z",
    "source": {"ip": "10.0.0.1", "port": 5, "bytes": 10, "packets": 1},
    "destination": {"ip": "::1", "port": 80, "bytes": 20, "packets": 2},
    "network": {"transport": "tcp", "protocol": "http"}, "event": {"duration": 1_500_000_000},
    "zeek": {"session_id": "C1", "connection": {"state": "SF", "history": "Sh"}},
}  # fmt: skip


@pytest.mark.parametrize(
    "record", [FLAT, NESTED, RENAMED, ECS], ids=["flat", "nested", "renamed", "ecs"]
)
def test_one_connection_whatever_a_shipper_made_of_it(record: dict[str, Any]) -> None:
    """All forms give the same row."""
    rows, refused = read(record)

    assert refused == []
    assert rows[0] == {
        "ts": START, "end": datetime(2023, 11, 14, 22, 13, 21, 623456, UTC), "uid": "C1",
        "src_ip": "10.0.0.1", "src_port": 5, "dst_ip": "::1", "dst_port": 80, "proto": "tcp",
        "service": "http", "duration": 1.5, "src_bytes": 10, "dst_bytes": 20, "src_packets": 1,
        "dst_packets": 2, "conn_state": "SF", "history": "Sh", "label": None, "attack": None,
        "campaign": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        (1700000000123, START.replace(microsecond=123000)),
        ("2023-11-14T22:13:20.123456Z", START),
        ("2023-11-14T23:13:20.123456+01:00", START),
        ("1700000000.123456", START),
        (22.5, datetime(1970, 1, 1, 0, 0, 22, 500000, UTC)),
    ],
)
def test_times_are_seconds_milliseconds_or_iso(ts: float | str, expected: datetime) -> None:
    """What Zeek can be told to write."""
    rows, _ = read(FLAT | {"ts": ts})
    assert rows[0]["ts"] == expected


def test_what_is_absent_or_null_is_missing() -> None:
    """Zeek leaves unset fields out; some shippers write null."""
    rows, _ = read({name: FLAT[name] for name in ("ts", "id.orig_h", "id.resp_h", "proto")})
    assert {name for name, value in rows[0].items() if value is not None} == {
        "ts", "end", "src_ip", "dst_ip", "proto",
    }  # fmt: skip
    rows, _ = read(FLAT | {"duration": None, "orig_bytes": None})
    assert (rows[0]["duration"], rows[0]["src_bytes"]) == (None, None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"ts": 1', "it is no JSON"),
        ("[1, 2]", "Expected 'object', got 'array'"),
        (json.dumps(FLAT | {"ts": -1}), "ts must be a time from 1970 to 9900, got -1"),
        (json.dumps(FLAT | {"ts": "soon"}), "ts must be a time from 1970 to 9900, got 'soon'"),
        (json.dumps(FLAT | {"orig_bytes": "many"}), "src_bytes must be a number, got 'many'"),
        (json.dumps(FLAT | {"orig_bytes": 10**30}), "src_bytes must be"),
        (json.dumps(FLAT | {"id.resp_p": -4}), "dst_port must be from 0 to 65535, got"),
        ("{" * 5000, "it is no JSON"),
    ],
)
def test_a_line_that_is_no_connection_is_refused(line: str, reason: str) -> None:
    """The others are read, each as it is alone."""
    rows, refused = read(FLAT, line, FLAT | {"uid": "C2"})

    assert [row["uid"] for row in rows] == ["C1", "C2"]
    assert [one.line for one in refused] == [2]
    assert refused[0].reason.startswith(reason)


def test_other_logs_in_the_same_stream_are_passed_over() -> None:
    """Each line says which log it is of, in Zeek's words or in Elastic's."""
    dns = {"_path": "dns", "ts": 1.5, "id.orig_h": "10.0.0.1", "id.resp_h": "::1", "proto": "udp"}
    other = ECS | {"event": {"dataset": "zeek.dns"}}
    rows, refused = read(dns, FLAT | {"_path": "conn", "_write_ts": 2.5}, other, ECS)
    assert ([row["uid"] for row in rows], refused) == (["C1", "C1"], [])

"""Suricata's EVE: its flows and netflows are connections."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from oddwire.traffic.sources.logs import Refused, suricata
from oddwire.traffic.sources.logs.parsing.lines import Block

START, END = "2021-06-06T15:59:46.457984+0200", "2021-06-06T15:59:47.957984+0200"
FLOW: dict[str, Any] = {
    "timestamp": "1900-01-01T00:00:00+0000", "flow_id": 1374195536821504, "event_type": "flow",
    "src_ip": "10.0.0.1", "src_port": 5, "dest_ip": "10.0.0.2", "dest_port": 80, "proto": "TCP",
    "app_proto": "http",
    "flow": {
        "pkts_toserver": 5, "pkts_toclient": 4, "bytes_toserver": 500, "bytes_toclient": 400,
        "start": START, "end": END, "age": 1, "state": "closed", "reason": "timeout",
        "alerted": False,
    },
    "tcp": {"tcp_flags": "1f", "tcp_flags_ts": "1b", "tcp_flags_tc": "1b"},
}  # fmt: skip
THERE: dict[str, Any] = {
    **{name: value for name, value in FLOW.items() if name not in ("flow", "tcp")},
    "event_type": "netflow",
    "netflow": {"pkts": 5, "bytes": 500, "start": START, "end": END, "age": 1},
    "tcp": {"tcp_flags": "1b"},
}
BACK = THERE | {
    "src_ip": "10.0.0.2", "src_port": 80, "dest_ip": "10.0.0.1", "dest_port": 5,
    "netflow": {"pkts": 4, "bytes": 400, "start": START, "end": END, "age": 1},
}  # fmt: skip


def read(
    *events: dict[str, Any] | str, alerts: Literal["ignore", "label"] = "ignore"
) -> tuple[list[dict[str, Any]], list[Refused]]:
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    data = "".join(f"{text}\n" for text in texts).encode()
    parts = list(suricata.read([Block(1, data)], origin="eve.json", alerts=alerts))
    rows = [row for part in parts for row in part.connections.to_pylist()]
    return rows, [refused for part in parts for refused in part.refused]


def test_a_flow_is_timed_by_its_own_start_and_end() -> None:
    """Neither the event's timestamp nor the age, which is cut to whole seconds, counts."""
    rows, refused = read(FLOW)

    assert refused == []
    assert rows[0]["ts"].isoformat() == "2021-06-06T13:59:46.457984+00:00"
    assert rows[0]["duration"] == 1.5
    assert (rows[0]["src_bytes"], rows[0]["dst_packets"], rows[0]["conn_state"]) == (500, 4, "SF")
    assert (rows[0]["proto"], rows[0]["service"]) == ("tcp", "http")


def test_the_directions_of_a_netflow_are_one_connection() -> None:
    """The same as the flow; a number that comes again with another start is another one."""
    later = "2021-06-06T16:59:46.457984+0200"
    again = THERE | {"netflow": THERE["netflow"] | {"start": later, "end": later}}

    rows, refused = read(THERE, again, BACK)

    assert refused == []
    flow = read(FLOW)[0][0]
    assert rows[0] == flow
    assert (rows[1]["src_packets"], rows[1]["dst_packets"], rows[1]["conn_state"]) == (5, 0, "SH")


def test_directions_meet_over_the_border_of_blocks() -> None:
    """Wherever a file is cut into blocks, the rows are the same."""
    lines = [json.dumps(event) + "\n" for event in (THERE, BACK, FLOW, THERE)]
    blocks = [Block(at, line.encode()) for at, line in enumerate(lines, 1)]

    parts = list(suricata.read(blocks, origin="eve.json"))

    rows = [row for part in parts for row in part.connections.to_pylist()]
    assert sorted((row["src_packets"], row["dst_packets"]) for row in rows) == [
        (5, 0),
        (5, 4),
        (5, 4),
    ]


@pytest.mark.parametrize("proto", ["ICMP", "IPv6-ICMP", 1, 58])
def test_icmp_has_no_ports(proto: str | int) -> None:
    """Whatever stands there is a type and a code."""
    rows, _ = read(FLOW | {"proto": proto, "src_port": 3, "dest_port": 1})
    assert (rows[0]["proto"], rows[0]["src_port"], rows[0]["dst_port"]) == ("icmp", None, None)


def test_other_events_are_passed_over_and_refused_lines_are_not_among_them() -> None:
    """An alert is no connection; a line that is no JSON may have been one."""
    rows, refused = read({"event_type": "dns", "dns": {"rrname": "x"}}, "{", FLOW)
    assert (len(rows), [one.line for one in refused]) == (1, [2])


def test_an_alert_is_no_label_unless_asked_for() -> None:
    """And a flow without one is never benign."""
    alerted = FLOW | {"flow": FLOW["flow"] | {"alerted": True}}

    assert [row["label"] for row in read(FLOW, alerted)[0]] == [None, None]
    rows = read(FLOW, alerted, alerts="label")[0]
    assert [(row["label"], row["attack"]) for row in rows] == [(None, None), (1, "alert")]


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"start": "1900-01-01T00:00:00+0000"}, "start must be a time from 1970 to 9900"),
        ({"start": None}, "ts is needed, got nothing"),
        ({"end": "2020-06-06T15:59:46.457984+0200"}, "duration must be from 0 to 10 years"),
        ({"bytes_toclient": -1}, "dst_bytes must be from 0"),
    ],
)
def test_a_flow_that_breaks_a_rule_is_refused(counts: dict[str, Any], reason: str) -> None:
    """With its line and its reason."""
    rows, refused = read(FLOW, FLOW | {"flow": FLOW["flow"] | counts})
    assert len(rows) == 1
    assert (refused[0].line, refused[0].reason.startswith(reason)) == (2, True), refused


def test_what_syslog_puts_before_a_line_is_passed_over() -> None:
    """``@cee:`` marks JSON."""
    rows, refused = read("@cee: " + json.dumps(FLOW))
    assert (len(rows), refused) == (1, [])


def test_a_protocol_that_was_tried_is_another_thing_than_none() -> None:
    """``failed`` is kept; what is absent is unknown."""
    absent = {name: value for name, value in FLOW.items() if name != "app_proto"}
    rows, _ = read(FLOW | {"app_proto": "failed"}, absent)
    assert [row["service"] for row in rows] == ["failed", None]


def test_a_number_of_a_flow_may_be_text() -> None:
    """Programs that have no numbers of 64 bits write it so."""
    rows, refused = read(FLOW | {"flow_id": str(FLOW["flow_id"])})
    assert (rows, refused) == read(FLOW)


def test_an_event_that_says_not_what_it_is_is_refused() -> None:
    """It may have been a flow."""
    rows, refused = read({name: FLOW[name] for name in FLOW if name != "event_type"}, FLOW)
    assert (len(rows), refused[0].line, refused[0].reason) == (1, 1, "event_type is needed")


def test_every_line_of_a_netflow_counts() -> None:
    """The way back is folded into the way there."""
    lines = "".join(json.dumps(event) + "\n" for event in (THERE, BACK, THERE)).encode()
    parts = list(suricata.read([Block(1, lines)], origin="eve.json"))
    assert sum(part.connections.num_rows for part in parts) == 2
    assert sum(part.folded for part in parts) == 1

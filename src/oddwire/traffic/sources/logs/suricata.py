"""Suricata's EVE: the events ``flow`` and ``netflow`` are connections, all others are passed over.

A flow's own ``start`` and ``end`` count, not the event's ``timestamp``; ``age`` is cut to whole
seconds and not used. ``netflow`` writes one event for each direction, the second only if there
were replies; the two are put together by the flow's number *and* its start, since numbers repeat.
What an alert said (``alerted``, ``action``) gives labels away: it is no feature, and a label only
where that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa

from oddwire.traffic.sources.logs import LogPart, Refused
from oddwire.traffic.sources.logs.parsing.columns import (
    LOG_SCHEMA,
    IntArray,
    connections,
    refused_line,
    seconds_between,
    too_long,
    with_refused,
)
from oddwire.traffic.sources.logs.parsing.json_lines import column, decoded, times
from oddwire.traffic.sources.logs.parsing.lines import Block
from oddwire.traffic.sources.logs.protocols import WITH_PORTS, other_state, protocol, tcp_state

Number = float | int | str | None
# The two directions of a netflow are written one after the other; threads may come between them.
_NEAR = 256


class _Counts(msgspec.Struct, gc=False):
    start: str | None = None
    end: str | None = None
    pkts_toserver: Number = None
    pkts_toclient: Number = None
    bytes_toserver: Number = None
    bytes_toclient: Number = None
    alerted: bool | None = None
    # of a netflow, one direction
    pkts: Number = None
    bytes: Number = None


class _Tcp(msgspec.Struct, gc=False):
    tcp_flags: str | None = None
    tcp_flags_ts: str | None = None
    tcp_flags_tc: str | None = None


class Event(msgspec.Struct, gc=False):
    """What is read of an event."""

    event_type: str = ""
    flow_id: int | str | None = None
    src_ip: str | None = None
    src_port: Number = None
    dest_ip: str | None = None
    dest_port: Number = None
    proto: str | int | None = None
    app_proto: str | None = None
    flow: _Counts | None = None
    netflow: _Counts | None = None
    tcp: _Tcp | None = None
    line: int = 0
    back: Event | None = None


_DECODER = msgspec.json.Decoder(Event)


def read(
    blocks: Iterable[Block], *, origin: str, alerts: Literal["ignore", "label"] = "ignore"
) -> Iterator[LogPart]:
    """Read the connections of an EVE file.

    Parameters
    ----------
    blocks
        The lines of a file, from its first on.
    origin
        What to call the file in an error.
    alerts
        Whether a flow with an alert counts as an attack; one without is never benign for it.
    """
    del origin
    waiting: list[Event] = []
    texts: dict[int, bytes] = {}
    for block in blocks:
        events, lines, broken = decoded(block, _DECODER)
        for event, line in zip(events, lines.tolist(), strict=True):
            event.line = line
        given = [*waiting, *filter(_is_connection, events)]
        whole, after = _paired(given)
        part = _part(whole, _texts(texts, block), alerts)
        folded = len(given) - len(whole) - len(after)
        refused = (*too_long(block), *broken, *_nameless(events, block))
        yield replace(with_refused(part, refused), folded=folded)
        texts = {one.line: texts.get(one.line) or block.line(one.line) for one in after}
        waiting = after
    if waiting:
        yield _part(waiting, texts.__getitem__, alerts)


def _nameless(events: Iterable[Event], block: Block) -> Iterator[Refused]:
    """Refuse objects that say not what they are: each of them may have been a flow."""
    for event in events:
        if not event.event_type:
            yield refused_line(event.line, "event_type is needed", block.line(event.line))


def _is_connection(event: Event) -> bool:
    return event.event_type in {"flow", "netflow"}


def _paired(events: list[Event]) -> tuple[list[Event], list[Event]]:
    """Put the two directions of netflows together; give those apart that may still find theirs."""
    whole: list[Event] = []
    alone: dict[tuple[int | str | None, str | None], Event] = {}
    for event in events:
        if event.event_type == "netflow":
            key = (event.flow_id, event.netflow.start if event.netflow else None)
            first = alone.pop(key, None)
            if first is not None and _answers(event, first):
                first.back = event
                continue
            alone[key] = event
        whole.append(event)
    last = whole[-_NEAR].line if len(whole) >= _NEAR else 0
    after = [one for one in alone.values() if one.line > last]
    held = {id(one) for one in after}
    return [one for one in whole if id(one) not in held], after


def _answers(event: Event, first: Event) -> bool:
    return (event.src_ip, event.dest_ip) == (first.dest_ip, first.src_ip)


def _texts(earlier: Mapping[int, bytes], block: Block) -> Callable[[int], bytes]:
    return lambda line: earlier[line] if line in earlier else block.line(line)


def _part(events: list[Event], text_of: Callable[[int], bytes], alerts: str) -> LogPart:
    if not events:
        return LogPart(LOG_SCHEMA.empty_table())
    counts = [_counts_of(event) for event in events]
    protocols = [protocol(event.proto) for event in events]
    ports = [name in WITH_PORTS for name in protocols]
    start, reasons = times((one.start for one in counts), "start")
    end, late = times((one.end for one in counts), "end")
    columns: dict[str, pa.Array] = {
        "ts": start,
        "duration": seconds_between(start, end),
        "uid": column([None if one.flow_id is None else str(one.flow_id) for one in events]),
        "src_ip": column([event.src_ip for event in events]),
        "dst_ip": column([event.dest_ip for event in events]),
        "src_port": _where(ports, [event.src_port for event in events]),
        "dst_port": _where(ports, [event.dest_port for event in events]),
        "proto": column(protocols),
        "service": column([event.app_proto for event in events]),
        "src_bytes": column([one.bytes_toserver for one in counts]),
        "dst_bytes": column([one.bytes_toclient for one in counts]),
        "src_packets": column([one.pkts_toserver for one in counts]),
        "dst_packets": column([one.pkts_toclient for one in counts]),
        "conn_state": column([*map(_state, events, counts, protocols)]),
    }
    if alerts == "label":
        columns["label"] = pa.array([1 if one.alerted else None for one in counts], pa.int8())
        columns["attack"] = pa.array(
            ["alert" if one.alerted else None for one in counts], pa.string()
        )
    lines: IntArray = np.array([event.line for event in events])
    return connections(columns, lines, text_of, reasons=late | reasons)


def _where(has: Sequence[bool], values: Sequence[Number]) -> pa.Array:
    return column([value if ok else None for ok, value in zip(has, values, strict=True)])


def _counts_of(event: Event) -> _Counts:
    """Return the counts of both directions."""
    if event.event_type == "flow" or event.netflow is None:
        return event.flow or _Counts()
    there, back = event.netflow, event.back.netflow if event.back else None
    if back is None:  # written where there was a reply, so that none means none
        back = _Counts(pkts=0, bytes=0)
    ends = [end for end in (there.end, back.end) if end is not None]
    return _Counts(
        start=there.start, end=max(ends, default=None),
        pkts_toserver=there.pkts, bytes_toserver=there.bytes,
        pkts_toclient=back.pkts, bytes_toclient=back.bytes,
    )  # fmt: skip


def _state(event: Event, counts: _Counts, name: str | None) -> str | None:
    if counts.pkts_toclient is None:
        return None
    replied = counts.pkts_toclient not in (0, "0")
    if name != "tcp":
        return other_state(replied=replied)
    if event.tcp is None:
        return None
    back = event.back.tcp if event.back and event.back.tcp else None
    sent = _flags(event.tcp.tcp_flags_ts or (event.tcp.tcp_flags if event.netflow else None))
    received = _flags(event.tcp.tcp_flags_tc or (back.tcp_flags if back else None))
    return None if sent is None else tcp_state(sent, received or 0, replied=replied)


def _flags(text: str | None) -> int | None:
    try:
        return None if text is None else int(text, 16)
    except ValueError:
        return None

"""Suricata's EVE: the events ``flow`` and ``netflow`` are connections, all others are passed over.

A flow's own ``start`` and ``end`` count, not the event's ``timestamp``; ``age`` is cut to whole
seconds and not used. ``netflow`` writes one event for each direction, the second only if there
were replies; the two are put together by the flow's number *and* its start, since numbers repeat.
What an alert said (``alerted``, ``action``) gives labels away: it is no feature, and a label only
where that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from oddwire.traffic.sources.logs.parsing.json_lines import PREFIX, column, decoded, times
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
    taken: bool = False


_DECODER = msgspec.json.Decoder(Event)


@dataclass(frozen=True)
class Waiting:
    """Lines of events that are not read yet: what comes may belong to one of them.

    Parameters
    ----------
    numbers
        The number of each line.
    lines
        The lines.
    taken
        The numbers of those that are the way back in a row that was read.
    """

    numbers: tuple[int, ...] = ()
    lines: tuple[bytes, ...] = ()
    taken: tuple[int, ...] = ()


def read(
    blocks: Iterable[Block],
    *,
    origin: str,
    alerts: Literal["ignore", "label"] = "ignore",
    waiting: Waiting = Waiting(),
    ends: bool = True,
) -> Generator[LogPart, None, Waiting]:
    """Read the connections of an EVE file; return what waits for what follows.

    Rows are in the order of their first lines, however the lines come in blocks.

    Parameters
    ----------
    blocks
        The lines of a file, from its first on, or those after ``waiting``.
    origin
        What to call the file in an error.
    alerts
        Whether a flow with an alert counts as an attack; one without is never benign for it.
    waiting
        What waited before.
    ends
        Whether nothing follows, so that nothing waits.
    """
    del origin
    texts = dict(zip(waiting.numbers, waiting.lines, strict=True))
    held = [_event(line, number, waiting.taken) for number, line in texts.items()]
    for block in blocks:
        events, lines, broken = decoded(block, _DECODER)
        for event, line in zip(events, lines.tolist(), strict=True):
            event.line = line
        given = [*held, *filter(_is_connection, events)]
        whole, held = _paired(given)
        part = _part(whole, _texts(texts, block), alerts)
        refused = (*too_long(block), *broken, *_nameless(events, block))
        yield replace(with_refused(part, refused), folded=_folded(whole))
        texts = {one.line: texts.get(one.line) or block.line(one.line) for one in held}
    if ends and held:
        whole, _ = _paired(held, ends=True)
        yield replace(_part(whole, texts.__getitem__, alerts), folded=_folded(whole))
        return Waiting()
    taken = tuple(event.line for event in held if event.taken)
    return Waiting(tuple(texts), tuple(texts.values()), taken)


def _event(line: bytes, number: int, taken: Sequence[int]) -> Event:
    event = _DECODER.decode(line.strip().removeprefix(PREFIX))
    event.line, event.taken = number, number in taken
    return event


def _folded(whole: Iterable[Event]) -> int:
    return sum(event.back is not None for event in whole)


def _nameless(events: Iterable[Event], block: Block) -> Iterator[Refused]:
    """Refuse objects that say not what they are: each of them may have been a flow."""
    for event in events:
        if not event.event_type:
            yield refused_line(event.line, "event_type is needed", block.line(event.line))


def _is_connection(event: Event) -> bool:
    return event.event_type in {"flow", "netflow"}


def _paired(events: list[Event], *, ends: bool = False) -> tuple[list[Event], list[Event]]:
    """Put the two directions of netflows together.

    Returns
    -------
    The rows, and the events from the first on that may still find its way back: no row passes it.
    """
    rows: list[tuple[int, Event]] = []
    alone: dict[tuple[int | str | None, str | None], tuple[int, Event]] = {}
    for at, event in enumerate(events):
        if event.taken:
            continue
        if event.event_type == "netflow":
            key = (event.flow_id, event.netflow.start if event.netflow else None)
            since, first = alone.pop(key, (at, None))
            if first is not None and at - since <= _NEAR and _answers(event, first):
                first.back = event
                continue
            alone[key] = (at, event)
        rows.append((at, event))
    near = (at for at, _ in alone.values() if len(events) - at <= _NEAR)
    until = len(events) if ends else min(near, default=len(events))
    whole = [event for at, event in rows if at < until]
    for event in whole:
        if event.back is not None:
            event.back.taken = True
    return whole, events[until:]


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

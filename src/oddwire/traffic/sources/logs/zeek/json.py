"""Zeek's logs as lines of JSON, as Zeek writes them and as shippers pass them on.

Zeek writes flat objects (``"id.orig_h"``) without the fields that are unset. Shippers put the ends
of a connection into an object of their own (``"id": {…}``), or rename all to the Elastic Common
Schema. Where a file holds several logs (``"_path"``), those of other things are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import compress
from operator import attrgetter
from typing import Any

import msgspec

from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.parsing.columns import (
    LOG_SCHEMA,
    connections,
    too_long,
    with_refused,
)
from oddwire.traffic.sources.logs.parsing.json_lines import column, decoded, flat, times
from oddwire.traffic.sources.logs.parsing.lines import Block
from oddwire.traffic.sources.logs.zeek.fields import (
    CONNECTIONS,
    FAMILY,
    FIELDS,
    LABEL,
    plain_name,
)

Number = float | int | str | None


class _Record(msgspec.Struct, gc=False):
    path: Any = msgspec.field(default=None, name="_path")
    ts: Number = None
    uid: str | None = None
    src_ip: str | None = msgspec.field(default=None, name="id.orig_h")
    src_port: Number = msgspec.field(default=None, name="id.orig_p")
    dst_ip: str | None = msgspec.field(default=None, name="id.resp_h")
    dst_port: Number = msgspec.field(default=None, name="id.resp_p")
    proto: str | None = None
    service: str | list[str] | None = None
    duration: Number = None
    src_bytes: Number = msgspec.field(default=None, name="orig_bytes")
    dst_bytes: Number = msgspec.field(default=None, name="resp_bytes")
    src_packets: Number = msgspec.field(default=None, name="orig_pkts")
    dst_packets: Number = msgspec.field(default=None, name="resp_pkts")
    conn_state: str | None = None
    history: str | None = None
    label: str | int | None = None
    detailed_label: str | None = msgspec.field(default=None, name="detailed-label")


_FLAT = msgspec.json.Decoder(_Record)
_ANY = msgspec.json.Decoder(dict[str, Any])
_COLUMNS = tuple(name for name in FIELDS.values() if name not in ("ts", "service"))
# The Elastic Common Schema's names, as Filebeat's module for Zeek and others write them.
_ECS = {
    "@timestamp": "ts",
    "zeek_session_id": "uid",
    "source_ip": "src_ip",
    "source_address": "src_ip",
    "source_port": "src_port",
    "source_bytes": "src_bytes",
    "source_packets": "src_packets",
    "destination_ip": "dst_ip",
    "destination_address": "dst_ip",
    "destination_port": "dst_port",
    "destination_bytes": "dst_bytes",
    "destination_packets": "dst_packets",
    "network_transport": "proto",
    "network_protocol": "service",
    "zeek_connection_state": "conn_state",
    "zeek_connection_history": "history",
}
_NANOSECONDS = "event_duration"


def read(
    blocks: Iterable[Block], *, origin: str, labels: LabelRule | None = None
) -> Iterator[LogPart]:
    """Read a log of connections; see `tsv.read`."""
    del origin  # a line that is no connection is refused, whatever the file
    for block in blocks:
        records, lines, broken = decoded(block, _FLAT)
        refused = (*too_long(block), *broken)
        if any(record.src_ip is None for record in records):
            records = [*_renamed(block, records, lines)]
        ours = [_is_connection(record) for record in records]
        if not all(ours):
            records, lines = [*compress(records, ours)], lines[ours]
        if not records:
            yield LogPart(LOG_SCHEMA.empty_table(), refused)
            continue
        columns = {name: column([*map(attrgetter(name), records)]) for name in _COLUMNS}
        columns["ts"], reasons = times(record.ts for record in records)
        columns["service"] = column([_joined(record.service) for record in records])
        if any(record.label is not None for record in records):
            texts = column([None if one.label is None else str(one.label) for one in records])
            families = column([one.detailed_label or None for one in records])
            columns |= (labels or LabelRule()).columns(texts, families)
        yield with_refused(connections(columns, lines, block.line, reasons=reasons), refused)


class _Uid(msgspec.Struct, gc=False):
    uid: Any = None
    zeek: Any = None


_UIDS = msgspec.json.Decoder(_Uid)


def uids(blocks: Iterable[Block]) -> Iterator[list[str]]:
    """Find the uids of a log alone."""
    for block in blocks:
        records, _, _ = decoded(block, _UIDS)
        yield [uid for record in records if (uid := _uid(record)) is not None]


def _uid(record: _Uid) -> str | None:
    uid = record.uid
    if uid is None and isinstance(record.zeek, dict):
        uid = record.zeek.get("session_id")
    return uid if isinstance(uid, str) else None


def _renamed(block: Block, records: list[_Record], lines: Any) -> Iterator[_Record]:
    """Look again at records without an address, under the names that shippers give."""
    texts = block.data.split(b"\n")
    for record, line in zip(records, lines, strict=True):
        if record.src_ip is None:
            text = texts[line - block.first].strip().removeprefix(b"@cee:")
            with suppress(UnicodeDecodeError):  # in a key: such a record is refused as it is
                record = _record(dict(flat(_ANY.decode(text), join="_", named=plain_name)))  # noqa: PLW2901
        yield record


def _is_connection(record: _Record) -> bool:
    return not isinstance(record.path, str) or record.path.startswith(CONNECTIONS)


def _record(content: Mapping[str, Any]) -> _Record:
    record = _Record()
    for name, value in content.items():
        if name == "event_dataset":
            record.path = str(value).removeprefix("zeek.")
        bare = name.removeprefix("zeek_connection_").removeprefix("zeek_")
        ours = _ECS.get(name) or FIELDS.get(bare)
        if ours is None and bare in (LABEL, *FAMILY):
            ours = LABEL if bare == LABEL else FAMILY[0]
        if ours and value is not None and getattr(record, ours) is None:
            setattr(record, ours, value if isinstance(value, str | int | float) else str(value))
        elif name == _NANOSECONDS and record.duration is None and isinstance(value, int | float):
            record.duration = value / 1e9
    return record


def _joined(service: str | list[str] | None) -> str | None:
    return ",".join(service) if isinstance(service, list) else service

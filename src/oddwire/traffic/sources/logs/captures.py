"""Captures of packets (pcap and pcapng) → connections, put together by NFStream.

NFStream is an extra: ``pip install oddwire[pcap]``. What it gives stands under Zeek's words as far
as it goes: bytes are those of the payload, a connection ends after 5 minutes without a packet and
is cut after an hour; a state is read from the flags alone (`protocols.tcp_state`), ``service`` is
nDPI's name of the application in small letters, and there is no ``history``. The sender of the
first packet that a capture holds of a connection is its source.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from oddwire.errors import DataError, ServiceError
from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.parsing.columns import LOG_SCHEMA, connections
from oddwire.traffic.sources.logs.parsing.lines import is_compressed, opened
from oddwire.traffic.sources.logs.protocols import (
    ACK,
    FIN,
    RST,
    SYN,
    WITH_PORTS,
    other_state,
    protocol,
    tcp_state,
)

_ROWS = 20_000
_IDLE_SECONDS, _ACTIVE_SECONDS = 300, 3600
_PAYLOAD = 3  # NFStream's accounting mode: bytes of the payload, as Zeek counts them
_FLAGS = {"syn": SYN, "ack": ACK, "fin": FIN, "rst": RST}
_MAGIC = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)  # fmt: skip


def is_capture(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a capture."""
    return head.startswith(_MAGIC)


def read(file: Path) -> Iterator[LogPart]:
    """Read the connections of a capture, in the order in which they ended.

    Raises
    ------
    ServiceError
        If NFStream is not installed.
    DataError
        If the file is no capture.
    """
    try:
        from nfstream import NFStreamer
    except ImportError:
        raise ServiceError(
            f"{file}: captures are read by NFStream: pip install 'oddwire[pcap]'"
        ) from None
    with _plain(file) as (capture, cut):
        with capture.open("rb") as raw:
            if not is_capture(raw.read(4)):
                raise DataError(f"{file} is no capture: neither pcap nor pcapng")
        flows: Iterable[Any] = NFStreamer(
            source=str(capture), statistical_analysis=True, n_meters=1,
            accounting_mode=_PAYLOAD, idle_timeout=_IDLE_SECONDS, active_timeout=_ACTIVE_SECONDS,
        )  # fmt: skip
        every = iter(flows)
        begin = 1
        while chunk := list(islice(every, _ROWS)):
            yield _part(chunk, begin)
            begin += len(chunk)
        if cut is not None:
            yield LogPart(LOG_SCHEMA.empty_table(), cut=cut)


@contextmanager
def _plain(file: Path) -> Iterator[tuple[Path, str | None]]:
    """Give a capture as NFStream takes it, not compressed, and why it ends before its time."""
    if not is_compressed(file):
        yield file, None
        return
    with tempfile.NamedTemporaryFile(suffix=".pcap") as plain, opened(file) as content:
        shutil.copyfileobj(content, plain)
        plain.flush()
        yield Path(plain.name), content.cut


def _part(flows: list[Any], begin: int) -> LogPart:
    protocols = [protocol(flow.protocol) for flow in flows]
    ports = [name in WITH_PORTS for name in protocols]
    columns = {
        "ts": _moments([flow.bidirectional_first_seen_ms for flow in flows]),
        "duration": pa.array([flow.bidirectional_duration_ms / 1000 for flow in flows]),
        "src_ip": pa.array([flow.src_ip for flow in flows]),
        "dst_ip": pa.array([flow.dst_ip for flow in flows]),
        "src_port": _where(ports, [flow.src_port for flow in flows]),
        "dst_port": _where(ports, [flow.dst_port for flow in flows]),
        "proto": pa.array(protocols, pa.string()),
        "service": pa.array([_service(flow.application_name) for flow in flows], pa.string()),
        "src_bytes": pa.array([flow.src2dst_bytes for flow in flows]),
        "dst_bytes": pa.array([flow.dst2src_bytes for flow in flows]),
        "src_packets": pa.array([flow.src2dst_packets for flow in flows]),
        "dst_packets": pa.array([flow.dst2src_packets for flow in flows]),
        "conn_state": pa.array([*map(_state, flows, protocols)], pa.string()),
    }
    places = np.arange(begin, begin + len(flows))
    return connections(columns, places, lambda place: b"connection %d" % place)


def _moments(milliseconds: list[int]) -> pa.Array:
    return pa.array(np.array(milliseconds) * 1000).cast(pa.timestamp("us", tz="UTC"))


def _where(has: list[bool], values: list[int]) -> pa.Array:
    return pa.array(
        [value if ok else None for ok, value in zip(has, values, strict=True)], pa.int32()
    )


def _service(name: str) -> str | None:
    return None if name == "Unknown" else name.lower()


def _state(flow: Any, name: str | None) -> str:
    replied = flow.dst2src_packets > 0
    if name != "tcp":
        return other_state(replied=replied)
    return tcp_state(_seen(flow, "src2dst"), _seen(flow, "dst2src"), replied=replied)


def _seen(flow: Any, side: str) -> int:
    return sum(bit for name, bit in _FLAGS.items() if getattr(flow, f"{side}_{name}_packets"))

"""Which columns of a table hold what of a connection: by a map, or by a known export's names.

Names are compared without regard to case and to what stands between their words, since programs
write ``id.orig_h``, ``id_orig_h`` and ``Src IP`` by turns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from oddwire.errors import DataError, listed

TimeUnit = Literal["s", "ms", "us", "ns"]
PER_SECOND: dict[TimeUnit, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_BETWEEN = re.compile(r"[^a-z0-9]+")
_NEEDED = ("ts", "src_ip", "dst_ip")


@dataclass(frozen=True)
class Export:
    """How a program names the columns of its tables.

    Parameters
    ----------
    name
        What people call it.
    columns
        Our name by theirs; of two that are there, the first one's counts. Beside those of the
        schema, ``end`` is the last moment, ``total_bytes`` and ``total_packets`` are the sums of
        both directions, and ``status`` tells rows that record no connection.
    units
        In what the times and durations are, where not in seconds.
    """

    name: str
    columns: Mapping[str, str]
    units: Mapping[str, TimeUnit] | None = None


KNOWN: tuple[Export, ...] = (
    Export(
        "Zeek",
        {
            "ts": "ts", "uid": "uid", "id.orig_h": "src_ip", "id.orig_p": "src_port",
            "id.resp_h": "dst_ip", "id.resp_p": "dst_port", "proto": "proto",
            "service": "service", "duration": "duration", "orig_bytes": "src_bytes",
            "resp_bytes": "dst_bytes", "orig_pkts": "src_packets", "resp_pkts": "dst_packets",
            "conn_state": "conn_state", "history": "history", "label": "label",
            "detailed-label": "attack",
        },
    ),
    Export(
        "Suricata",
        {
            "flow_id": "uid", "src_ip": "src_ip", "src_port": "src_port", "dest_ip": "dst_ip",
            "dest_port": "dst_port", "proto": "proto", "app_proto": "service",
            "flow.start": "ts", "flow.end": "end", "flow.bytes_toserver": "src_bytes",
            "flow.bytes_toclient": "dst_bytes", "flow.pkts_toserver": "src_packets",
            "flow.pkts_toclient": "dst_packets",
        },
    ),
    Export(
        "NFStream",
        {
            "src_ip": "src_ip", "src_port": "src_port", "dst_ip": "dst_ip",
            "dst_port": "dst_port", "protocol": "proto", "application_name": "service",
            "bidirectional_first_seen_ms": "ts", "bidirectional_duration_ms": "duration",
            "src2dst_bytes": "src_bytes", "dst2src_bytes": "dst_bytes",
            "src2dst_packets": "src_packets", "dst2src_packets": "dst_packets",
        },
        {"ts": "ms", "duration": "ms"},
    ),
    Export(
        "AWS VPC flow logs",
        {
            "srcaddr": "src_ip", "dstaddr": "dst_ip", "srcport": "src_port",
            "dstport": "dst_port", "protocol": "proto", "packets": "src_packets",
            "bytes": "src_bytes", "start": "ts", "end": "end", "log-status": "status",
        },
    ),
    Export(
        "Argus",
        {
            "StartTime": "ts", "Dur": "duration", "Proto": "proto", "SrcAddr": "src_ip",
            "Sport": "src_port", "DstAddr": "dst_ip", "Dport": "dst_port",
            "TotPkts": "total_packets", "TotBytes": "total_bytes", "SrcBytes": "src_bytes",
            "SrcPkts": "src_packets", "DstBytes": "dst_bytes", "DstPkts": "dst_packets",
            "Label": "label",
        },
    ),
    Export(
        "nfdump",
        {
            "firstSeen": "ts", "lastSeen": "end", "duration": "duration", "proto": "proto",
            "srcAddr": "src_ip", "srcPort": "src_port", "dstAddr": "dst_ip",
            "dstPort": "dst_port", "packets": "src_packets", "bytes": "src_bytes",
        },
    ),
    Export(
        "nfdump 1.6",
        {
            "ts": "ts", "td": "duration", "sa": "src_ip", "da": "dst_ip", "sp": "src_port",
            "dp": "dst_port", "pr": "proto", "ipkt": "src_packets", "ibyt": "src_bytes",
            "opkt": "dst_packets", "obyt": "dst_bytes",
        },
    ),
    Export(
        "CICFlowMeter",
        {
            "Src IP": "src_ip", "Source IP": "src_ip", "Src Port": "src_port",
            "Source Port": "src_port", "Dst IP": "dst_ip", "Destination IP": "dst_ip",
            "Dst Port": "dst_port", "Destination Port": "dst_port", "Protocol": "proto",
            "Timestamp": "ts", "Flow Duration": "duration", "Total Fwd Packets": "src_packets",
            "Total Fwd Packet": "src_packets", "Tot Fwd Pkts": "src_packets",
            "Total Backward Packets": "dst_packets", "Total Bwd packets": "dst_packets",
            "Tot Bwd Pkts": "dst_packets", "Total Length of Fwd Packets": "src_bytes",
            "Total Length of Fwd Packet": "src_bytes", "TotLen Fwd Pkts": "src_bytes",
            "Total Length of Bwd Packets": "dst_bytes", "Total Length of Bwd Packet": "dst_bytes",
            "TotLen Bwd Pkts": "dst_bytes", "Flow ID": "uid", "Label": "label",
        },
        {"duration": "us"},
    ),
    Export(
        "Wireshark conversations",
        {
            "Address A": "src_ip", "Port A": "src_port", "Address B": "dst_ip",
            "Port B": "dst_port", "Bytes A → B": "src_bytes", "Bytes B → A": "dst_bytes",
            "Packets A → B": "src_packets", "Packets B → A": "dst_packets", "Abs Start": "ts",
            "Rel Start": "ts", "Duration": "duration",
        },
    ),
    Export(
        "oddwire",
        {
            name: name
            for name in (
                "ts", "end", "uid", "src_ip", "src_port", "dst_ip", "dst_port", "proto",
                "service", "duration", "src_bytes", "dst_bytes", "src_packets", "dst_packets",
                "conn_state", "history", "label", "attack", "campaign",
            )
        },
    ),
)  # fmt: skip


def plain(name: str) -> str:
    """Return a column's name in small letters and digits alone, an arrow kept as ``to``.

    Examples
    --------
    >>> plain("id.orig_h"), plain(" Src IP"), plain("Bytes A → B")
    ('idorigh', 'srcip', 'bytesatob')
    """
    return _BETWEEN.sub("", name.lower().replace("\N{RIGHTWARDS ARROW}", "to"))


def known_export(names: Iterable[str]) -> Export | None:
    """Return the program whose names a table has: the one with most of them, and all needed."""
    present = {plain(name) for name in names}
    best: tuple[int, Export | None] = (0, None)
    for export in KNOWN:
        found = {ours for theirs, ours in export.columns.items() if plain(theirs) in present}
        if found.issuperset(_NEEDED) and len(found) > best[0]:
            best = (len(found), export)
    return best[1]


def places(
    names: list[str],
    columns: Mapping[str, str] | None,
    *,
    origin: str,
    named: Mapping[str, str],
    optional: bool = False,
) -> tuple[dict[int, str], Mapping[str, TimeUnit], str]:
    """Find the columns of a table that hold what of a connection.

    Parameters
    ----------
    names
        The table's column names.
    columns
        Their name by ours, as `params.yaml` gives it; None to look for a known export.
    origin
        What to call the table in an error.
    named
        The same of columns that count in both cases.
    optional
        Whether a column may be absent without which a row still is a connection: lines of JSON
        leave out what is missing.

    Returns
    -------
    Our name by the column's place, the units of times and durations, and the export's name.

    Raises
    ------
    DataError
        If a column that the map names is not there, or the names are of no known export.
    """
    by_name = {plain(name): at for at, name in reversed([*enumerate(names)])}
    said = {**(columns or {}), **named}
    for ours, theirs in said.items():
        if plain(theirs) not in by_name and (not optional or ours in _NEEDED):
            key = ours if ours in named else "columns"
            raise DataError(
                f"{origin} lacks the column {theirs!r}, which the source names under {key};"
                f" it has {listed(names, 40)}"
            )
    found = {
        by_name[plain(theirs)]: ours for ours, theirs in said.items() if plain(theirs) in by_name
    }
    if columns is not None:
        return found, {}, "own map"
    export = known_export(names)
    if export is None:
        raise DataError(
            f"{origin}: no known export has these columns; say which is which under columns:"
            f" (ts, src_ip, dst_ip, …), got {listed(names, 40)}"
        )
    for theirs, ours in export.columns.items():
        at = by_name.get(plain(theirs))
        if at is not None and at not in found and ours not in {*found.values(), *named}:
            found[at] = ours
    return found, export.units or {}, export.name

"""Which kind of log a file is, by its first lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from oddwire.traffic.sources.logs.captures import is_capture
from oddwire.traffic.sources.logs.parsing.lines import opened

LogKind = Literal["zeek_tsv", "zeek_json", "suricata", "argus", "nfdump", "pcap"]
LOG_KINDS: tuple[LogKind, ...] = get_args(LogKind)
_HEAD = 1 << 16
_ZEEK_JSON = {"id.orig_h", "id_orig_h", "id", "_path", "zeek"}
_NFDUMP_JSON = {"src4_addr", "src6_addr", "in_packets"}


def recognised(file: Path) -> LogKind | None:
    """Return what kind of log a file is, compressed or not; None where it is none that is known.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    with opened(file) as content:
        head = content.read(_HEAD)
    if is_capture(head):
        return "pcap"
    text = head.decode("utf-8", "replace").removeprefix("\N{BYTE ORDER MARK}").lstrip()
    if text[:1] in ("{", "[") or text.startswith("@cee:"):
        return _of_json(text)
    line = text.partition("\n")[0].rstrip("\r")
    if "separator " in line[:16] or "\tid.orig_h\t" in line or "\tid_orig_h\t" in line:
        return "zeek_tsv"
    if line.startswith("#"):
        return "zeek_tsv" if "#fields" in text else None
    names = {name.strip() for name in line.replace("\t", ",").split(",")}
    if {"StartTime", "SrcAddr"} <= names:
        return "argus"
    return "nfdump" if {"ts", "sa", "da"} <= names or {"firstSeen", "srcAddr"} <= names else None


def _of_json(text: str) -> LogKind | None:
    if text.startswith(("[", "{\n")):
        return "nfdump" if any(f'"{name}"' in text for name in _NFDUMP_JSON) else None
    for line in text.splitlines()[:-1] or [text]:
        try:
            content: Any = msgspec.json.decode(line.removeprefix("@cee:").strip())
        except msgspec.MsgspecError:
            continue
        if isinstance(content, dict):
            names = content.keys()
            if "event_type" in names:
                return "suricata"
            if names & _NFDUMP_JSON:
                return "nfdump"
            if names & _ZEEK_JSON or {"source", "destination"} <= names:
                return "zeek_json"
    return None

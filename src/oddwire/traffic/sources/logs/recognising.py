"""Which kind of log a file is, by its first lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from oddwire.errors import DataError
from oddwire.traffic.sources.logs.captures import is_capture
from oddwire.traffic.sources.logs.parsing.lines import opened

LogKind = Literal["zeek_tsv", "zeek_json", "suricata", "argus", "nfdump", "pcap"]
HEAD_BYTES = 1 << 16
_ZEEK_JSON = {"id.orig_h", "id_orig_h", "id", "_path", "zeek"}
_NFDUMP_JSON = {"src4_addr", "src6_addr", "in_packets"}
_NFDUMP_TEXT = "Date first seen"
# What Zeek says of connections alone; its other logs have the ends of one too.
_OF_CONNECTIONS = (
    "conn_state", "duration", "history", "orig_pkts", "orig_bytes", "missed_bytes",
    "connection", "packets",
)  # fmt: skip


def recognised(file: Path) -> LogKind | None:
    """Return what kind of log a file is, compressed or not; None where it is none that is known.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    return kind_of(head_of(file), origin=str(file))


def kind_of(head: bytes, *, origin: str) -> LogKind | None:
    """Return what kind of log begins so; None where it is none that is known.

    Raises
    ------
    DataError
        If it is a table for people.
    """
    if is_capture(head):
        return "pcap"
    text = _text(head)
    if text[:1] in ("{", "[") or text.startswith("@cee:"):
        return _of_json(text)
    line = text.partition("\n")[0].rstrip("\r")
    if line.startswith(_NFDUMP_TEXT):
        raise DataError(
            f"{origin} is nfdump's table for people, whose counts are rounded (1.4 M): print its"
            " records by `nfdump -o csv` or `-o json`"
        )
    if "separator " in line[:16] or "\tid.orig_h\t" in line or "\tid_orig_h\t" in line:
        return "zeek_tsv"
    if line.startswith("#"):
        return "zeek_tsv" if "#fields" in text else None
    # The first line of JSON may be the tail of one that another file has.
    return _of_header(line) or (_of_json(text) if "\n{" in text else None)


def _of_header(line: str) -> LogKind | None:
    names = {name.strip() for name in line.replace("\t", ",").split(",")}
    if {"StartTime", "SrcAddr"} <= names:
        return "argus"
    return "nfdump" if {"ts", "sa", "da"} <= names or {"firstSeen", "srcAddr"} <= names else None


def is_heading(line: bytes) -> bool:
    r"""Tell whether a line stands above the rows of a log: a header, or a blank line.

    Examples
    --------
    >>> is_heading(b"#fields\tts"), is_heading(b"StartTime,Dur,SrcAddr"), is_heading(b"{}")
    (True, True, False)
    """
    return (
        not line.strip()
        or line.startswith((b"#", b"\xef\xbb\xbf#"))
        or (not line.startswith((b"{", b"@cee:")) and _names_columns(line))
    )


def _names_columns(line: bytes) -> bool:
    text = _text(line).rstrip()
    return (
        _of_header(text) is not None
        or "separator " in text[:16]
        or ("\tid.orig_h\t" in text or "\tid_orig_h\t" in text)
    )


def is_blank(file: Path) -> bool:
    """Tell whether a file has nothing in it: no byte, blank lines, or an array without records.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    with opened(file) as content:
        head = content.read(HEAD_BYTES)
        return not head.strip(b"\xef\xbb\xbf[] \t\r\n") and not content.read(1)


def head_of(file: Path) -> bytes:
    """Return the first bytes of a file, decompressed.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    with opened(file) as content:
        head = b""
        while len(head) < HEAD_BYTES and (more := content.read(HEAD_BYTES)):
            head += more
        return head


def _text(head: bytes) -> str:
    return head.decode("utf-8", "replace").removeprefix("\N{BYTE ORDER MARK}").lstrip()


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
                of_connections = any(f'"{name}"' in text for name in _OF_CONNECTIONS)
                return "zeek_json" if of_connections else None
    return _by_names(text)


def _by_names(text: str) -> LogKind | None:
    """Recognise JSON of which no line is whole, as one that is longer than what is looked at."""
    if '"event_type"' in text:
        return "suricata"
    if any(f'"{name}"' in text for name in _NFDUMP_JSON):
        return "nfdump"
    return "zeek_json" if '"id.orig_h"' in text and '"conn_state"' in text else None

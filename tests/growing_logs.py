"""Small logs, line by line."""

from __future__ import annotations

import json
from random import Random

ZEEK_HEADER = (
    b"#separator \\x09\n#unset_field\t-\n#path\tconn\n"
    b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\n"
)
_BEGUN = 1_700_000_000


def zeek_line(number: int, *, orig_bytes: object = 77, duration: float = 0.5) -> bytes:
    """Return a line of a conn.log."""
    values = [
        f"{_BEGUN + number}.5", f"C{number}", f"10.0.0.{number % 9}", str(1024 + number % 60_000),
        "10.0.0.2", "53", "udp", str(duration), str(orig_bytes),
    ]  # fmt: skip
    return "\t".join(values).encode() + b"\n"


def zeek_log(lines: int, first: int = 0, *, bad: float = 0.0, seed: int = 0) -> bytes:
    """Return a conn.log in which some lines are bad."""
    random = Random(seed)
    rows = [
        zeek_line(number, orig_bytes="x" if random.random() < bad else 77)
        for number in range(first, first + lines)
    ]
    return ZEEK_HEADER + b"".join(rows)


def eve_flow(number: int) -> bytes:
    """Return an event of a flow, as Suricata writes it."""
    begin, end = f"2026-03-02T10:00:{number % 60:02}.000000+0000", "2026-03-02T11:00:00.5+0000"
    return json.dumps({
        "timestamp": end, "flow_id": number + 1, "event_type": "flow", "src_ip": "10.0.0.1",
        "src_port": 1024 + number % 60_000, "dest_ip": "10.0.0.2", "dest_port": 53, "proto": "UDP",
        "flow": {"pkts_toserver": 1, "pkts_toclient": 1, "bytes_toserver": number,
                 "bytes_toclient": 5, "start": begin, "end": end, "state": "established"},
    }).encode()  # fmt: skip

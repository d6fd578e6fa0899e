"""Lines of Zeek and events of Suricata whose times are filled in as they are written, at a rate.

``python benchmarks/live_lines.py INPUT WHERE RATE BEGIN POOL`` is the writer of `live_watch.py`: it
makes its lines beforehand, and then only fills in the time, so that it takes little from what is
measured. Connection n ends at BEGIN + n / RATE, and is written then, or as soon as it can be.
"""

from __future__ import annotations

import datetime as dt
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from redis import Redis

POOL = 500_000  # connections that differ
TICK = 0.02  # seconds between writes
_AT_ONCE = 10_000
_FIELDS = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration",
    "orig_bytes", "resp_bytes", "conn_state", "local_orig", "local_resp", "missed_bytes", "history",
    "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "tunnel_parents",
)  # fmt: skip
HEADER = "#separator \\x09\n#unset_field\t-\n#path\tconn\n#fields\t" + "\t".join(_FIELDS) + "\n"
_SERVICES = {22: "ssh", 53: "dns", 80: "http", 443: "ssl", 8080: "http", 50_000: "-"}
_STATES = (("SF", "closed"), ("S0", "new"), ("REJ", "closed"))
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# A moment in seconds since 1970, and a line's parts → the line.
Filled = Callable[[float, tuple], bytes]


def connections(number: int, seed: int = 0) -> Iterator[tuple]:
    """Yield connections of 5,000 hosts, few of them busy, with 50,000 others."""
    random = np.random.default_rng(seed)
    hosts = (5_000 * random.random(number) ** 4).astype(int).tolist()
    sites = (50_000 * random.random(number) ** 4).astype(int).tolist()
    ports = random.choice(list(_SERVICES), number, p=[0.03, 0.3, 0.15, 0.5, 0.01, 0.01]).tolist()
    sizes = np.exp(random.normal([6, 8], 1.5, (number, 2))).astype(int).tolist()
    durations = np.minimum(random.exponential(1.5, number), 59).round(3).tolist()
    states = random.choice(3, number, p=[0.95, 0.03, 0.02]).tolist()
    for which, (host, site, port) in enumerate(zip(hosts, sites, ports, strict=True)):
        yield (
            which, f"10.{host >> 8}.{host & 255}.7", 1024 + which % 60_000,
            f"93.{site >> 8}.{site & 255}.7", port, durations[which], *sizes[which], states[which],
        )  # fmt: skip


def zeek_parts(number: int) -> list[tuple]:
    """Return the durations of connections, and the rests of their lines."""
    return [
        (length, (f"\tC{which:017}\t{source}\t{source_port}\t{target}\t{port}\t"
         f"{'udp' if port == 53 else 'tcp'}\t{_SERVICES[port]}\t{length:.6f}\t{sent}\t{got}\t"
         f"{_STATES[state][0]}\t-\t-\t0\tShADadFf\t{1 + sent // 900}\t{sent}\t{1 + got // 900}\t"
         f"{got}\t-\n"))
        for which, source, source_port, target, port, length, sent, got, state
        in connections(number)
    ]  # fmt: skip


def zeek_line(now: float, parts: tuple) -> bytes:
    """Return a line of conn.log."""
    return f"{now - parts[0]:.6f}{parts[1]}".encode()


def eve_parts(number: int) -> list[tuple]:
    """Return the durations of flows, and what stands between the times of their events."""
    made = []
    for which, source, source_port, target, port, length, sent, got, state in connections(number):
        event = {
            "timestamp": "@", "flow_id": which + 1, "event_type": "flow", "src_ip": source,
            "src_port": source_port, "dest_ip": target, "dest_port": port,
            "proto": "UDP" if port == 53 else "TCP", "app_proto": "tls",
            "flow": {
                "pkts_toserver": 1 + sent // 900, "pkts_toclient": 1 + got // 900,
                "bytes_toserver": sent, "bytes_toclient": got, "start": "@", "end": "@",
                "age": round(length), "state": _STATES[state][1], "reason": "timeout",
                "alerted": False,
            },
        }  # fmt: skip
        made.append((float(round(length)), *json.dumps(event).split("@")))
    return made


def eve_line(now: float, parts: tuple) -> bytes:
    """Return an event; moments are those of whole hundredths, so that few are written out."""
    moment = int(now * 100) / 100
    end, start = _iso(moment), _iso(moment - parts[0])
    return f"{parts[1]}{end}{parts[2]}{start}{parts[3]}{end}{parts[4]}\n".encode()


_SHOWN: dict[float, str] = {}


def _iso(moment: float) -> str:
    if (shown := _SHOWN.get(moment)) is None:
        if len(_SHOWN) > 1000:
            _SHOWN.clear()
        when = _EPOCH + dt.timedelta(microseconds=round(moment * 1e6))
        shown = _SHOWN[moment] = when.isoformat(timespec="microseconds").replace("+00:00", "+0000")
    return shown


def lines_of(kind: str, number: int = POOL) -> tuple[list[tuple], Filled]:
    """Return the parts of an input's lines, and what fills in the times."""
    return (zeek_parts(number), zeek_line) if kind == "zeek" else (eve_parts(number), eve_line)


def write_to(kind: str, where: str) -> Callable[[list[bytes]], object]:
    """Return what writes lines: behind a file, or into the list ``suricata`` of a Redis."""
    if kind == "zeek":
        log = Path(where).open("ab", buffering=0)  # noqa: SIM115 - open for as long as it writes
        return lambda lines: log.write(b"".join(lines))
    client = Redis.from_url(where)
    return lambda lines: client.lpush("suricata", *lines)


def main() -> None:
    """Write at a rate until interrupted; what is late is made up for."""
    stopped = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    kind, where = sys.argv[1:3]
    rate, begin = float(sys.argv[3]), float(sys.argv[4])
    parts, fill = lines_of(kind, int(sys.argv[5]))
    write, endless, written = write_to(kind, where), cycle(parts), 0
    begun, late = time.time(), 0.0
    cpu = time.process_time()
    while not stopped.is_set():
        now = time.time()
        due = min(int((now - begin) * rate) - written, _AT_ONCE)
        if due > 0:
            ends = (begin + number / rate for number in range(written, written + due))
            write([fill(*each) for each in zip(ends, islice(endless, due), strict=True)])
            written += due
        if due < _AT_ONCE:
            late = max(late, time.time() - now)
            time.sleep(max(0.0, TICK - (time.time() - now)))
    lasted = time.time() - begun
    share = (time.process_time() - cpu) / lasted
    said = {"written": written, "cpu_share": round(share, 3), "longest_tick_s": round(late, 3)}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()

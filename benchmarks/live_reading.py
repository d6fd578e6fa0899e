"""How many connections a second are read from a growing Zeek file, and from a Redis list or stream.

``python benchmarks/live_reading.py [--rows 400000]``: reading alone, from bytes to connections, one
process. Rows per second of the processor's time too, as other programs may share the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from live_lines import HEADER, lines_of
from live_redis import redis_server
from redis import Redis

from oddwire.live.reading.opening import open_reading
from oddwire.live.reading.reading import Reading
from oddwire.params import SuricataSource, ZeekSource
from oddwire.project import Project

BEGIN, RATE = 1_772_000_000, 5000  # when the first connection ends, and how many do in a second


def lines(kind: str, rows: int) -> list[bytes]:
    """Return lines of Zeek, or events of Suricata."""
    parts, fill = lines_of(kind, rows)
    return [fill(BEGIN + number / RATE, one) for number, one in enumerate(parts)]


def measure(what: str, reading: Reading, rows: int) -> None:
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
        log, written = folder / "conn.log", lines("zeek", rows)
        log.write_text(HEADER)

        def write() -> None:
            with log.open("ab", buffering=0) as growing:
                for at in range(0, rows, 1000):
                    growing.write(b"".join(written[at : at + 1000]))

        options = {"name": "office", "project": Project(folder), "from_start": True}
        writer = threading.Thread(target=write)
        reading = open_reading(zeek, **options)
        writer.start()
        measure("a growing conn.log", reading, rows)
        writer.join()
        eve = SuricataSource(format="suricata", files=("eve.json",))
        events = lines("redis", rows)
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

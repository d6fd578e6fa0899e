"""How fast connections become features, how that grows, and how DuckDB does the same windows.

Run ``python benchmarks/features.py``. Each size runs in a process of its own, so that the peak
memory is that size's alone; it holds the connections, the features and everything in between.
The DuckDB part runs where duckdb is installed (it is no dependency), and answers for one key and
one window what the engine answers for three and three.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from oddwire.traffic.connections import check_connections
from oddwire.traffic.features.clock import MICROSECONDS
from oddwire.traffic.features.connection_features import WINDOWS, connection_features
from oddwire.traffic.features.time_windows import (
    Codes,
    KeyedRows,
    count_distinct,
    sum_inside,
)

SIZES = (100_000, 300_000, 1_000_000)
PER_SECOND = 20  # connections, whatever the size: a longer file, not a busier network


def connections_of(rows: int) -> pd.DataFrame:
    """Make connections of a few busy and many quiet hosts."""
    random = np.random.default_rng(0)
    hosts = np.array([f"10.{n >> 8}.{n & 255}.7" for n in range(5_000)], dtype=object)
    sites = np.array([f"93.{n >> 8}.{n & 255}.7" for n in range(50_000)], dtype=object)

    def busy(names: np.ndarray) -> np.ndarray:
        chosen: np.ndarray = names[(len(names) * random.random(rows) ** 4).astype(int)]
        return chosen

    return pd.DataFrame(
        {
            "ts": pd.Timestamp("2026-03-02", tz="UTC")
            + pd.to_timedelta(np.sort(random.integers(0, rows * 50_000, rows)), unit="us"),
            "src_ip": busy(hosts),
            "dst_ip": busy(sites),
            "dst_port": random.choice([22, 53, 80, 443, 8080, 50_000], rows),
            "proto": random.choice(np.array(["tcp", "udp"], dtype=object), rows),
            "service": random.choice(np.array(["dns", "http", "ssl", None], dtype=object), rows),
            "duration": random.exponential(3.0, rows),
            "src_bytes": random.integers(0, 10_000, rows),
            "dst_bytes": random.integers(0, 100_000, rows),
            "src_packets": random.integers(1, 20, rows),
            "dst_packets": random.integers(0, 100, rows),
            "conn_state": random.choice(np.array(["SF", "S0", "REJ"], dtype=object), rows),
        }
    )


def warm_up() -> None:
    """Compile what a first call compiles, outside of what is timed."""
    connection_features(check_connections(connections_of(100), origin="benchmark"))


def measure(rows: int) -> dict[str, float]:
    start = time.perf_counter()
    warm_up()
    compiled = time.perf_counter()
    connections = check_connections(connections_of(rows), origin="benchmark")
    before, cpu_before = time.perf_counter(), time.process_time()
    features = connection_features(connections)
    seconds, cpu_seconds = time.perf_counter() - before, time.process_time() - cpu_before
    return {
        "rows": rows,
        "columns": features.shape[1],
        "loading_loops_seconds": compiled - start,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "rows_per_second": rows / seconds,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure_engines(rows: int) -> dict[str, float]:
    """One key, one window: connections and bytes, then distinct peers, by each engine."""
    import duckdb

    connections = connections_of(rows)
    frame = pd.DataFrame(
        {
            "row": np.arange(rows),
            "ts": connections["ts"].dt.tz_localize(None).to_numpy("datetime64[us]").view("int64"),
            "key": pd.factorize(connections["src_ip"])[0].astype(np.int64),
            "peer": pd.factorize(connections["dst_ip"])[0].astype(np.int64),
            "bytes": (connections["src_bytes"] + connections["dst_bytes"]).to_numpy(np.int64),
        }
    )
    width = WINDOWS[1] * MICROSECONDS
    warm_up()
    database = duckdb.connect(config={"threads": 2})
    database.register("frame", frame)
    window = (
        f"from frame window past as (partition by key order by ts"
        f" range between {width - 1} preceding and current row)"
    )
    clock = Clock()
    keyed = KeyedRows.group(Codes.of(frame["key"]), frame["ts"].to_numpy())
    starts = keyed.starts(width)
    sum_inside(frame["bytes"].to_numpy()[keyed.positions], starts)
    clock.lap("loops_sums")
    distinct = count_distinct(Codes.of(frame["peer"]).at(keyed.positions), starts)
    clock.lap("loops_distinct")
    query = f"select row, count(*) over past, sum(bytes) over past {window}"
    database.sql(query).fetchnumpy()
    clock.lap("duckdb_sums")
    query = f"select row, count(distinct peer) over past as n {window}"
    answer = database.sql(query).fetchnumpy()
    clock.lap("duckdb_distinct")

    same = np.empty(rows, dtype=np.int64)
    same[answer["row"]] = answer["n"]
    # SQL cannot tell rows of one time apart; all others must agree.
    alone = ~frame.duplicated(["key", "ts"], keep=False).to_numpy()
    ours = np.empty(rows, dtype=np.int64)
    ours[keyed.positions] = distinct
    return {**clock.laps, "rows_that_differ": int((same != ours)[alone].sum())}


class Clock:
    """Seconds of the wall and of all cores, since the lap before."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = (time.perf_counter(), time.process_time())

    def lap(self, name: str) -> None:
        """Note the time since the lap before under a name."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.laps[f"{name}_seconds"] = wall - self._last[0]
        self.laps[f"{name}_cpu_seconds"] = cpu - self._last[1]
        self._last = (time.perf_counter(), time.process_time())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--one", type=int, help="measure one size here and print JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    for size in options.sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        print(" ".join(f"{k}={v:,.2f}" for k, v in json.loads(result.stdout).items()), flush=True)
    if importlib.util.find_spec("duckdb") is None:
        print("duckdb is not installed: no comparison")
        return
    for name, value in measure_engines(max(options.sizes)).items():
        print(f"{name}={value:,.2f}")


if __name__ == "__main__":
    main()

"""What a flood of alerting sources costs: each row is of a source of its own, and raises an alert.

Run ``python benchmarks/live_flood.py [--rows N] [--at-once N] [--targets N] [--profile]``. A small
forest of simulated benign traffic scores rows that come to one target (or several) in ten minutes;
what came of each micro-batch is committed as a watch does it. Processor time, all of it of one
thread where ``OMP_NUM_THREADS=1``.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from oddwire.live.alerts.alert import MadeBy
from oddwire.live.scoring.kept_rows import packed_arrays
from oddwire.live.scoring.live_scoring import LiveScoring
from oddwire.live.scoring.pipeline import Pipeline
from oddwire.live.state import Commit, Following, Policy, Store
from oddwire.live.watching.messages import Messages
from oddwire.live.watching.stored import (
    kept_rows,
    stored_alerts,
    stored_incidents,
    stored_together,
)
from oddwire.traffic.connections import check_connections

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.live_traffic import traffic

MADE_BY = MadeBy("bench", "oddwire-bench", "1", "c0ffee", 0.6)
MINUTES = 10


def flood(rows: int, targets: int) -> pd.DataFrame:
    """Return the rows of a flood, each of a source of its own, in five minutes."""
    random = np.random.default_rng(3)
    begin = traffic().rows["end"].max().timestamp() + 60
    number = np.arange(rows)
    sources = [f"{11 + (n >> 24)}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in number]
    return check_connections(
        pd.DataFrame({
            "ts": begin + number * (300 / rows), "uid": [f"C{n:017}" for n in number],
            "src_ip": sources, "src_port": random.integers(1024, 65_535, rows),
            "dst_ip": [f"10.0.9.{n % targets}" for n in number], "dst_port": 8443, "proto": "tcp",
            "service": None, "conn_state": "S0", "duration": 0.0, "src_bytes": 0, "dst_bytes": 0,
            "src_packets": random.integers(1, 4, rows), "dst_packets": 0,
        }), origin="flood",
    )  # fmt: skip


def run(store: Store, rows: pd.DataFrame, at_once: int) -> tuple[int, list[float], list[float]]:
    """Return how many alerts were raised, and the processor time of each batch and its commit."""
    scoring = LiveScoring(traffic().model, "1", adaptive=False)
    scoring.remember([traffic().rows])
    pipeline = Pipeline(scoring, MADE_BY, minutes=MINUTES)
    messages = Messages("ecs", send_alerts=False)
    following, alerts = Following(), 0
    took, commits = [], []
    for begin in range(0, len(rows), at_once):
        batch = rows.iloc[begin : begin + at_once].reset_index(drop=True)
        places = [f"log:{row}" for row in range(begin, begin + len(batch))]
        began = time.process_time()
        taken = pipeline.take(batch, places)
        made = Commit(
            b"p", alerts=stored_alerts(taken.raised), incidents=stored_incidents(taken.raised),
            more_alerts=stored_together(taken.raised), messages=messages.of(taken.raised),
            rows=kept_rows(taken.past),
        )  # fmt: skip
        alone = time.perf_counter()
        following = store.commit(made, after=following).following
        commits.append(time.perf_counter() - alone)
        took.append(time.process_time() - began)
        alerts += len(taken.raised.alerts)
    arrays = packed_arrays(pipeline.alerting.to_arrays())
    print(f"open: {len(pipeline.alerting.incidents)}, kept of alerting: {len(arrays):,} bytes")
    return alerts, took, commits


def tables(folder: Path) -> dict[str, int]:
    """Return the bytes of each table and index, where SQLite can tell."""
    import sqlite3

    with sqlite3.connect(folder / "alerts.db") as opened:
        try:
            return dict(opened.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        except sqlite3.OperationalError:
            return {}


def main() -> None:
    """Flood, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--at-once", type=int, default=2_000)
    parser.add_argument("--targets", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    rows = flood(chosen.rows, chosen.targets)
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with Store(f"sqlite:///{folder / 'alerts.db'}", source="bench", sinks={"f": Policy()}) as s:
            if chosen.profile:
                profile.enable()
            alerts, took, commits = run(s, rows, chosen.at_once)
            profile.disable()
        size = sum(file.stat().st_size for file in folder.iterdir())
        found = {name: n for name, n in tables(folder).items() if n > size / 200}
    told = {
        "alerts": alerts, "rows a second": round(len(rows) / sum(took)),
        "last quarter": round(len(rows) / 4 / sum(took[-len(took) // 4 :])),
        "longest commit, s": round(max(commits), 3), "bytes an alert": round(size / alerts),
        "bytes an alert by table": {name: round(n / alerts) for name, n in found.items()},
    }  # fmt: skip
    print(json.dumps(told, indent=1))
    if chosen.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()

"""What features of micro-batches cost, going on from row to row and sorting the overlap each time.

`python benchmarks/rolling_windows.py` fills the time windows with ten minutes of traffic at several
rates and then gives them micro-batches. Times are processor time, the median of the batches. Each
rate runs in a process of its own, so that the memory is that rate's.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from oddwire.traffic.connections import type_connections
from oddwire.traffic.features.connection_features import (
    CONNECTION_FEATURES,
    LONGEST_WINDOW,
    connection_features,
)
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.features.rolling.rolling_features import RollingFeatures

RATES = (100, 1_000, 5_000)  # connections a second
SIZES = (100, 1_000, 4_000, 10_000)
SORTED = 1_000  # rows of a micro-batch whose overlap is sorted
_BATCHES = 30
_PIECE = 100_000


class Traffic:
    """Connections of a few busy and many quiet hosts at an even rate; a share of them a scan."""

    def __init__(self, rate: int, *, scan: float = 0.0) -> None:
        self._rate, self._scan, self._made = rate, scan, 0
        self._random = np.random.default_rng(0)
        self._hosts = np.array([f"10.{n >> 8}.{n & 255}.7" for n in range(5_000)], dtype=object)
        self._sites = np.array([f"93.{n >> 8}.{n & 255}.7" for n in range(50_000)], dtype=object)

    def next(self, rows: int) -> pd.DataFrame:
        """Make the next rows."""
        random, at = self._random, np.arange(self._made, self._made + rows)
        self._made += rows
        sites = self._busy(self._sites, rows)
        scanned = np.flatnonzero(random.random(rows) < self._scan)
        sites[scanned] = [f"198.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in at[scanned]]
        frame = pd.DataFrame({
            "ts": 1.7e9 + at / self._rate,
            "src_ip": self._busy(self._hosts, rows), "dst_ip": sites,
            "dst_port": random.choice([22, 53, 80, 443, 8080, 50_000], rows),
            "proto": random.choice(np.array(["tcp", "udp"], dtype=object), rows),
            "duration": 0.0,
            "src_bytes": random.integers(0, 10_000, rows),
            "dst_bytes": random.integers(0, 100_000, rows),
            "conn_state": random.choice(np.array(["SF", "S0", "REJ"], dtype=object), rows),
        })  # fmt: skip
        return type_connections(frame, origin="benchmark")

    def _busy(self, names: np.ndarray, rows: int) -> np.ndarray:
        chosen: np.ndarray = names[(len(names) * self._random.random(rows) ** 4).astype(int)]
        return chosen


def main() -> None:
    """Measure each rate in a process, and whole files here."""
    options = _options()
    if options.rate:
        _measure(options.rate, options.scan)
        return
    for rate, scan in [*((rate, 0.0) for rate in RATES), (RATES[1], 1.0)]:
        command = [sys.executable, __file__, "--rate", str(rate), "--scan", str(scan)]
        subprocess.run(command, check=True)
    _whole_file()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, help="measure this rate alone, in this process")
    parser.add_argument("--scan", type=float, default=0.0, help="share of hosts seen once")
    return parser.parse_args()


def _measure(rate: int, scan: float) -> None:
    traffic, features = Traffic(rate, scan=scan), RollingFeatures(CONNECTION_FEATURES)
    features.of(traffic.next(10))  # compiles
    window, before = rate * LONGEST_WINDOW, 0
    for begin in range(0, window, _PIECE):
        rows = traffic.next(min(_PIECE, window - begin))
        before = before or _resident()
        features.see(rows)
        if begin == 0 or begin + _PIECE >= window:
            del rows
            gc.collect()
    windows = features._windows  # noqa: SLF001 - what it holds is what is measured
    grown = (_resident() - before) / len(windows)
    print(f"\n{rate:,} connections/s, {len(windows):,} rows in the windows, scan {scan:.0%}")
    print(f"  memory {windows.nbytes / len(windows):.0f} bytes a row, resident {grown:.0f}")
    for size in SIZES:
        batches = [traffic.next(size) for _ in range(_BATCHES)]
        seconds = float(np.median([_seconds(features.of, batch) for batch in batches]))
        print(f"  {size:>6,} rows: {seconds * 1e3:7.1f} ms, {size / seconds:>9,.0f} rows/s")
    if not scan:
        _by_sorting(traffic, rate)


def _by_sorting(traffic: Traffic, rate: int) -> None:
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    for _ in range(0, rate * LONGEST_WINDOW, _PIECE):
        features.take(traffic.next(_PIECE))
    seconds = np.median([_seconds(features.of, traffic.next(SORTED)) for _ in range(3)])
    print(f"  {SORTED:>6,} rows by sorting: {seconds * 1e3:,.0f} ms")


def _whole_file() -> None:
    rows = Traffic(20).next(300_000)
    sorting = _seconds(connection_features, rows)
    rolling = _seconds(RollingFeatures(CONNECTION_FEATURES).of, rows)
    print(f"\n{len(rows):,} rows at once: {rolling:.2f} s, by sorting {sorting:.2f} s")


def _seconds(step: Callable[[pd.DataFrame], object], rows: pd.DataFrame) -> float:
    begun = time.process_time()
    step(rows)
    return time.process_time() - begun


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


if __name__ == "__main__":
    main()

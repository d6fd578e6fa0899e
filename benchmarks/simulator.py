"""Seconds and rows per second of the simulator: `python benchmarks/simulator.py`."""

from __future__ import annotations

import time

from oddwire.params import SimulatedSource
from oddwire.traffic.sources.simulated import simulate


def main() -> None:
    for days, per_day in ((10, 5_000), (10, 50_000), (1, 1_000_000)):
        source = SimulatedSource(format="simulated", days=days, connections_per_day=per_day)
        begin = time.perf_counter()
        rows = len(simulate(source))
        seconds = time.perf_counter() - begin
        print(f"{rows:>9,} connections  {seconds:6.2f} s  {rows / seconds:>9,.0f} rows/s")


if __name__ == "__main__":
    main()

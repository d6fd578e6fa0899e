"""How far bursts of attacks lift the adaptive threshold, and when it is back.

    python benchmarks/bursts.py --seeds 101:105

Months as `adaptive.py` makes them, without drift, with the simulator's own attacks. Into each a
burst is put on its ninth day, and the month is fed as live rows are: 500 rows at a time, the state
written as JSON and read again now and then. The figure is the level without the burst divided by
that with it: 1.5 means that a target of 30 incidents a day has become one of 20. It is given at its
highest, a week later, and as the days until it is within 5 % of 1.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from adaptive import DAY, FOLDER, Month, drifting

from oddwire.detection.calibration.adaptive import AdaptiveThreshold
from oddwire.traffic.units.so_far import UnitsSoFar

BATCH, SAVED_EVERY, FIRST = 500, 50, 8
HIGH = 1e3  # beyond every threshold
# Name → rows a day, sources, hours a day, days, share of the rows just below the threshold.
BURSTS = {
    "scan, 10,000 alerts of 3 sources in an hour": (10_000, 3, 1, 1, 0.0),
    "the same over a day": (10_000, 3, 24, 1, 0.0),
    "scan, 10,000 alerts each day of a week": (10_000, 3, 24, 7, 0.0),
    "5,000 made-up sources that alert": (5_000, 5_000, 1, 1, 0.0),
    "made-up sources that alert, each day of a week": (5_000, 5_000, 24, 7, 0.0),
    "5,000 just below the threshold": (5_000, 5_000, 1, 1, 1.0),
    "5,000, half of them just below": (5_000, 5_000, 1, 1, 0.5),
    "half below, each day of a week": (5_000, 5_000, 24, 7, 0.5),
    "half below, each day to the end": (5_000, 5_000, 24, 23, 0.5),
}


def with_burst(month: Month, burst: tuple[int, int, int, int, float]) -> None:
    """Put a burst into a month."""
    count, sources, hours, days, near = burst
    seconds = np.concatenate([
        86_400 * (FIRST + day) + np.linspace(0, 3600 * hours - 1, count) for day in range(days)
    ])  # fmt: skip
    numbers = np.arange(len(seconds)) % (sources * days if sources > count // 2 else sources)
    extra = pd.DataFrame({
        "end": month.rows["end"].min() + pd.to_timedelta(seconds, unit="s"),
        "src_ip": [f"203.{n % 250}.{n // 250 % 250}.{n // 62_500}" for n in numbers],
    })  # fmt: skip
    below = np.arange(len(seconds)) % 100 < 100 * near
    scores = np.where(below, np.nextafter(month.first, -np.inf), HIGH)
    rows = pd.concat([month.rows[["end", "src_ip"]], extra], ignore_index=True)
    rows["score"] = [*month.scores, *scores]
    rows = rows.sort_values("end", kind="stable", ignore_index=True)
    month.rows, month.scores = rows, rows["score"].to_numpy()


def levels(month: Month) -> np.ndarray:
    """Return the level at the end of each day, fed in small batches."""
    adaptive = AdaptiveThreshold(month.units, month.first, per_day=True)
    units, found, first = UnitsSoFar(), {}, None
    for number, begin in enumerate(range(0, len(month.rows), BATCH)):
        rows, scores = month.rows[begin : begin + BATCH], month.scores[begin : begin + BATCH]
        so_far = units.update(rows, scores)
        adaptive.update(so_far, scores)
        first = so_far.clock[0] if first is None else first
        found[(so_far.clock[-1] - first) // DAY] = adaptive.to_dict()["level"]
        if number % SAVED_EVERY == 0:
            state = json.loads(json.dumps(adaptive.to_dict()))
            adaptive = AdaptiveThreshold(month.units, month.first, per_day=True)
            adaptive.go_on(state)
    return pd.Series(found).reindex(range(31)).ffill().to_numpy()


def main() -> None:
    """Print a line for each burst."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="101:105")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--detector", default="isolation_forest")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[np.ndarray]] = {}
    for seed in range(*map(int, asked.seeds.split(":"))):
        file = asked.folder / f"4000-{seed}-none.parquet"
        if not file.exists():
            drifting(seed, "none", (asked.detector,), 4000).to_parquet(file)
        scored = pd.read_parquet(file)
        calm = levels(Month(scored, asked.detector))
        for name, burst in BURSTS.items():
            month = Month(scored, asked.detector)
            with_burst(month, burst)
            found.setdefault(name, []).append(calm / levels(month))
    print(f"{'burst':<44} {'highest':>14} {'week later':>10} {'days to 5 %':>12}")
    for name, lifts in found.items():
        last = FIRST + BURSTS[name][3]
        each = np.array(lifts)
        highest, later = each.max(axis=1), each[:, min(last + 7, 30)]
        back = [np.flatnonzero(lift[last:] < 1.05) for lift in each]
        days = [int(places[0]) if len(places) else None for places in back]
        shown = f"{highest.mean():.2f} ({highest.max():.2f})"
        print(f"{name:<44} {shown:>14} {later.mean():>10.2f} {days!s:>12}")


if __name__ == "__main__":
    main()

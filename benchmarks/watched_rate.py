"""How often `calibration_off` speaks while benign traffic drifts, and while it does not.

    python benchmarks/watched_rate.py --seeds 101:105

Months as `adaptive.py` makes them, with the simulator's attacks and without. Every six hours it is
asked what it has to say; the figure is the share of these times, from the third day on.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
from adaptive import DAY, FOLDER, SCENARIOS, TARGET, Month, drifting

from oddwire.detection.model import Model
from oddwire.live.vitals.calibration_off import ABOVE_DAYS, calibration_off
from oddwire.live.vitals.observed_rate import RatesSoFar
from oddwire.traffic.units.so_far import UnitsSoFar, WorstSoFar

ASKED, GAP = DAY // 4, 600_000_000


def said(month: Month) -> list[str | None]:
    """Return what is said of a month, every six hours."""
    rule = {
        "target": TARGET.to_dict(),
        "calibration_alarms": round(TARGET.value * (month.units.days or 0)),
    }
    model: Any = SimpleNamespace(
        unit_calibration=month.units, threshold=month.first, threshold_rule=rule
    )
    rates, rows = RatesSoFar(cast("Model", model)), month.rows
    so_far = UnitsSoFar().update(rows, month.scores)
    alerts = month.scores >= month.first
    opened, newest = [], {}
    for row in np.flatnonzero(alerts).tolist():
        who, now = rows["src_ip"].iloc[row], int(so_far.clock[row])
        if now - newest.get(who, -GAP) >= GAP:
            opened.append((row, SimpleNamespace(opened=now, unit=who)))
        newest[who] = now
    begins = np.flatnonzero(np.diff(so_far.clock // ASKED, prepend=-1)).tolist()
    found = []
    for begin, end in zip(begins, [*begins[1:], len(rows)], strict=True):
        part = slice(begin, end)
        mine: Any = [incident for row, incident in opened if begin <= row < end]
        some = WorstSoFar(*(column[part] for column in so_far))
        rates.take(rows.iloc[part], some, alerts[part], mine)
        if so_far.clock[end - 1] - so_far.clock[0] > (ABOVE_DAYS + 0.2) * DAY:
            found.append(calibration_off(rates, "office"))
    return found


def main() -> None:
    """Print a line for each kind of month and detector."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="101:105")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--detectors", nargs="+", default=["isolation_forest"])
    parser.add_argument("--months", nargs="+", choices=SCENARIOS, default=SCENARIOS)
    parser.add_argument("--connections", type=int, default=4000)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for seed in range(*map(int, asked.seeds.split(":"))):
        for scenario in asked.months:
            file = asked.folder / f"{asked.connections}-{seed}-{scenario}.parquet"
            if not file.exists():
                made = drifting(seed, scenario, tuple(asked.detectors), asked.connections)
                made.to_parquet(file)
            for name in asked.detectors:
                for attacks in (True, False):
                    month = Month(pd.read_parquet(file), name)
                    if not attacks:
                        month.without_attacks()
                    found = [text or "" for text in said(month)]
                    lines.append({
                        "month": scenario, "detector": name, "attacks": attacks,
                        "off": np.mean([text.startswith("calibration is off") for text in found]),
                        "noisy": np.mean([" raised " in text for text in found]),
                    })  # fmt: skip
    keys = ["month", "detector", "attacks"]
    print(pd.DataFrame(lines).groupby(keys, sort=False).mean().round(3).to_string())


if __name__ == "__main__":
    main()

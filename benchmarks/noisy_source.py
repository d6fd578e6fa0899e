"""What one noisy benign source among the calibration rows does to the threshold.

    python benchmarks/noisy_source.py --seeds 1:21

On the scores that ``promise.py`` keeps, with and without a scanner: one more source with 60 rows
over the time of the calibration rows, above the 99.9th percentile of their scores. Prints, for
several bounds of what a source may count for, observed over target on the test days and recall by
family.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from promise import DETECTORS, FOLDER, SEED, TARGETS, figures, kept_scores

from oddwire.detection.calibration import benign_alarms

BOUNDS = (1.0, 1 / 3, 1 / 5, 1 / 10)  # 1 is none
TARGET = "incidents a day"
ROWS = 60


def with_a_scanner(scored: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Return the rows with those of one more benign source among the calibration rows."""
    calibration = scored[(scored["part"] == "calibration") & (scored["label"] == 0)]
    rows = calibration.iloc[np.linspace(0, len(calibration) - 1, ROWS).astype(int)].copy()
    rows["src_ip"] = "10.99.99.99"
    for name in DETECTORS:
        scores = calibration[name]
        beyond = np.abs(random.normal(size=ROWS)) * scores.std()
        rows[name] = scores.quantile(0.999) + beyond
    more = pd.concat([scored, rows]).sort_values("end", kind="stable", ignore_index=True)
    more.attrs = scored.attrs
    return more


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", default="1:21", help="FIRST:BEHIND")
    parser.add_argument("--connections", type=int, default=4000, help="a day")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    lines = []
    for seed in range(*map(int, chosen.seeds.split(":"))):
        scored = kept_scores(chosen.folder, seed, DETECTORS, chosen.connections)
        cases = {"none": scored, "scanner": with_a_scanner(scored, np.random.default_rng(SEED))}
        for case, rows in cases.items():
            for bound in BOUNDS:
                benign_alarms.LARGEST_SHARE = bound
                for name in DETECTORS:
                    found = figures(rows, name, TARGETS[TARGET])
                    lines.append({
                        "case": case, "bound": round(bound, 2), "detector": name,
                        "observed / target": found["test"], "recall": found["recall"],
                    })  # fmt: skip
        print(f"seed {seed} done", flush=True)
    means = pd.DataFrame(lines).pivot_table(index=["case", "bound"], columns="detector")
    print(means.round(2).to_string())


if __name__ == "__main__":
    main()

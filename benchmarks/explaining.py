"""Seconds to explain 200 anomalous rows, with every detector, at NSL-KDD's width.

python benchmarks/explaining.py
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.traffic.schema import FeatureSchema

NUMERIC, CATEGORIES = 38, (3, 60, 11)  # as NSL-KDD's protocols, services and flags
TRAINED, BENIGN, EXPLAINED = 9000, 3000, 200
AT_MOST = 2.0  # seconds


def traffic(count: int, seed: int) -> pd.DataFrame:
    """Make rows of counters that depend on each other; half of the columns are mostly zero."""
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(99).normal(size=(5, NUMERIC))
    values = np.exp(rng.normal(size=(count, 5)) @ weights + rng.normal(size=(count, NUMERIC)) / 3)
    values[:, ::2] *= rng.random((count, NUMERIC // 2)) < 0.1
    frame = pd.DataFrame(values, columns=[f"n{place}" for place in range(NUMERIC)])
    for place, kinds in enumerate(CATEGORIES):
        codes = np.minimum(rng.geometric(0.3, size=count), kinds)
        frame[f"c{place}"] = np.char.add("kind", codes.astype(str)).astype(object)
    return frame


def main() -> None:
    """Print a line per detector: seconds of the clock and of CPU, against the limit."""
    schema = FeatureSchema(
        tuple(f"n{place}" for place in range(NUMERIC)),
        tuple(f"c{place}" for place in range(len(CATEGORIES))),
    )
    anomalous = traffic(EXPLAINED, 2)
    anomalous.iloc[:, :NUMERIC] *= np.random.default_rng(3).exponential(20, (EXPLAINED, NUMERIC))
    for name in DETECTORS:
        model = Model.build(schema, name, seed=0).fit(traffic(TRAINED, 0))
        model.calibrate(traffic(BENIGN, 1))
        model.explain(anomalous.head(2))
        begun, worked = time.perf_counter(), time.process_time()
        model.explain(anomalous)
        seconds, busy = time.perf_counter() - begun, time.process_time() - worked
        ratio = AT_MOST / seconds
        print(f"{name:<22} {seconds:6.2f} s ({busy:.2f} s of CPU), {ratio:5.1f} times as fast as "
              "the limit")  # fmt: skip


if __name__ == "__main__":
    main()

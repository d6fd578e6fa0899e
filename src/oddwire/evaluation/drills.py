"""drills"""

from __future__ import annotations

import numpy as np
import pandas as pd

from oddwire.traffic.schema import ATTACK, LABEL, FeatureSchema


def drill_swap(rows, schema, n, rng, low=0.1, high=1.0):
    base = rows.iloc[rng.integers(len(rows), size=n)].reset_index(drop=True).copy()
    cols = list(schema.columns)
    frac = rng.uniform(low, high, size=n)
    mask = rng.random((n, len(cols))) < frac[:, None]
    for j, c in enumerate(cols):
        donors = rows[c].to_numpy()[rng.integers(len(rows), size=n)]
        v = base[c].to_numpy().copy()
        v[mask[:, j]] = donors[mask[:, j]]
        base[c] = v
    return base

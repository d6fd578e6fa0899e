"""P-values of a whole model are valid: fit, calibrate and score.

On benign rows like the calibration rows, the share with p ≤ a is at most a and three standard
errors. Each repetition calibrates anew, since that holds on average over calibration sets. It holds
for any detector whose score of a row depends on that row alone, which the detectors' contract
proves for each: so one of them does here.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.model import Model
from oddwire.traffic.schema import FeatureSchema

LEVELS = (0.001, 0.01, 0.05, 0.1)
SCHEMA = FeatureSchema(numeric=("bytes", "duration", "packets"), categorical=("proto",))
REPETITIONS, ROWS = 20, 1000


def benign(count, seed):
    random = np.random.default_rng(seed)
    packets = random.poisson(8, size=count).astype(float)
    return pd.DataFrame({
        "bytes": packets * random.lognormal(4, 1, size=count),
        "duration": random.exponential(size=count),
        "packets": packets,
        "proto": random.choice(np.array(["tcp", "udp", "icmp"], dtype=object), size=count,
                               p=[0.7, 0.28, 0.02]),
    })  # fmt: skip


@pytest.fixture(scope="module")
def p_values():
    """P-values of new benign rows, a row of the array for each calibration set."""
    few_trees = {"detector__n_estimators": 30}
    model = Model.build(SCHEMA, "isolation_forest", few_trees, seed=0).fit(benign(600, seed=1))
    random = np.random.default_rng(2023)
    found = []
    for _ in range(REPETITIONS):
        drawn = benign(2 * ROWS, seed=int(random.integers(2**31)))
        model.calibrate(drawn.iloc[:ROWS])
        found.append(model.score(drawn.iloc[ROWS:])["p_value"].to_numpy())
    return np.stack(found)


@pytest.mark.parametrize("a", LEVELS)
def test_p_values_of_new_benign_rows_are_as_small_as_they_claim_and_no_smaller(p_values, a):
    share = (p_values <= a).mean()
    # A share is off by what its own rows and its calibration rows happen to be.
    error = math.sqrt(a * (1 - a) * (1 / ROWS + 1 / (ROWS + 2)) / REPETITIONS)
    assert share <= a + 3 * error
    assert share >= a / 2 - 3 * error, "and they are not merely large"

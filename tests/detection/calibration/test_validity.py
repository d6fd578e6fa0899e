"""The promise of the p-values, end to end: fit, calibrate and score with every detector.

On benign rows like the calibration rows, the share with p ≤ a is at most a and three standard
errors. Each repetition calibrates anew, since the promise holds on average over calibration sets.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.traffic.schema import FeatureSchema

LEVELS = (0.001, 0.01, 0.05, 0.1)
SCHEMA = FeatureSchema(numeric=("bytes", "duration", "packets"), categorical=("proto",))
# What makes a fit slow and takes no part in the promise.
QUICK = {
    "isolation_forest": {"detector__n_estimators": 30},
    "autoencoder": {"detector__max_epochs": 2},
    "ensemble": {
        "detector__members": [
            {"detector": "isolation_forest", "detector__n_estimators": 30},
            {"detector": "one_class_svm"},
        ]
    },
}
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


@pytest.fixture(scope="module", params=sorted(DETECTORS))
def p_values(request):
    """P-values of new benign rows, a row of the array for each calibration set."""
    name = request.param
    model = Model.build(SCHEMA, name, QUICK.get(name, {}), seed=0).fit(benign(600, seed=1))
    random = np.random.default_rng(2023)
    said = []
    for _ in range(REPETITIONS):
        drawn = benign(2 * ROWS, seed=int(random.integers(2**31)))
        model.calibrate(drawn.iloc[:ROWS])
        said.append(model.score(drawn.iloc[ROWS:])["p_value"].to_numpy())
    return np.stack(said)


@pytest.mark.parametrize("a", LEVELS)
def test_p_values_of_new_benign_rows_are_as_small_as_they_claim_and_no_smaller(p_values, a):
    share = (p_values <= a).mean()
    # A share is off by what its own rows and its calibration rows happen to be.
    error = math.sqrt(a * (1 - a) * (1 / ROWS + 1 / (ROWS + 2)) / REPETITIONS)
    assert share <= a + 3 * error
    assert share >= a / 2 - 3 * error, "and they are not merely large"

"""Models that train in moments: quick settings of every detector, and rows for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(numeric=("bytes", "duration", "constant"), categorical=("proto", "service"))
# Settings under which a detector is quick; a new one without an entry runs with its defaults.
QUICK: dict[str, dict[str, Any]] = {
    "isolation_forest": {"detector__n_estimators": 30, "detector__max_samples": 128},
    "autoencoder": {"detector__max_epochs": 3},
    "kmeans_autoencoder": {
        "detector__n_clusters": 2,
        "detector__min_rows": 50,
        "detector__n_networks": 1,
        "detector__max_epochs": 3,
    },
    "nearest_neighbours": {"detector__column_folds": 2},
    "local_outlier_factor": {
        "detector__column_folds": 2,
        "detector__max_rows": 100,
        "detector__n_samples": 3,
    },
    "ensemble": {
        "detector__members": [
            {"detector": "isolation_forest", "detector__n_estimators": 20},
            {"detector": "one_class_svm", "preprocessing__transform": "quantile_uniform"},
        ]
    },
}


def rows(count: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return benign rows with the columns of `SCHEMA`, and a label."""
    random = np.random.default_rng(seed)
    missing = random.random(count) < 0.1
    return pd.DataFrame({
        "bytes": random.lognormal(6, 1, size=count),
        "duration": np.where(missing, np.nan, random.exponential(size=count)),
        "constant": 0.0,
        "proto": random.choice(np.array(["tcp", "udp"], dtype=object), size=count),
        "service": random.choice(np.array(["dns", "ssl", None], dtype=object), size=count),
        "label": 0,
    })  # fmt: skip


def extreme_rows() -> pd.DataFrame:
    """Return rows that hold what a log can hold: infinity, nothing, unseen categories."""
    frame = rows(8, seed=9)
    frame["bytes"] = [np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, 5.0, 1e9]
    frame["proto"] = [None, "icmp", "tcp", np.nan, "", "tcp", "udp", "gre"]
    return frame


def trained(name: str = "isolation_forest", params: Any = None, **settings: Any) -> Model:
    """Return a calibrated model; without ``params`` with the detector's quick settings."""
    chosen = QUICK.get(name, {}) if params is None else params
    model = Model.build(SCHEMA, name, chosen, seed=3, **settings)
    return model.fit(rows()).calibrate(rows(seed=1))

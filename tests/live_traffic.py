"""Some days of simulated traffic, a model of the first of them, and what the batch makes of all."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from oddwire.detection.calibration.thresholds.chosen import THRESHOLD
from oddwire.detection.model import Model
from oddwire.live.alerts.alert import MadeBy
from oddwire.operations.scoring.carried import Carried
from oddwire.params import SimulatedSource
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.sources.simulated.simulator import simulate

MADE_BY = MadeBy("office", "oddwire-office", "3", "c0ffee", 0.6)
TARGET = {THRESHOLD: {"rule": "target", "target": {"share_of_units": 0.01}}}


@dataclass(frozen=True, eq=False)
class Traffic:
    """Rows to follow, what scores them, and what the batch gives them."""

    rows: pd.DataFrame
    model: Model
    features: pd.DataFrame
    scores: pd.DataFrame

    @property
    def places(self) -> list[str]:
        return [f"log:{number}" for number in range(len(self.rows))]


@cache
def traffic(days: int = 2, per_day: int = 2500) -> Traffic:
    """Return traffic whose benign rows of the first day train and calibrate a small forest."""
    rows = simulate(
        SimulatedSource(format="simulated", seed=5, days=days, connections_per_day=per_day)
    )
    features = FeaturesInBatches("connections", CONNECTION_FEATURES).of(rows)
    benign = features[features["label"] == 0].iloc[: per_day * 2]
    model = Model.build(
        CONNECTION_FEATURES, "isolation_forest",
        {"detector__n_estimators": 30, "detector__max_samples": 128},
        seed=1, alert_p_value=0.02, metadata=TARGET,
    )  # fmt: skip
    model.fit(benign.iloc[::2]).calibrate(benign.iloc[1::2], days=1.0)
    scores = model.score(features)
    Carried(model, adaptive=False).add(features, scores)
    return Traffic(rows, model, features, scores)


def cuts(rows: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """Cut rows into batches: single rows, some hundred, and everything between."""
    ends = [0]
    while ends[-1] < rows:
        ends.append(min(rows, ends[-1] + 1 + int(10 ** random.uniform(0, 3.2))))
    return list(itertools.pairwise(ends))

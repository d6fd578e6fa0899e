"""Rows that tests of the exploration share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.traffic.schema import FeatureSchema


@pytest.fixture(scope="session")
def schema():
    return FeatureSchema(
        numeric=("size", "double", "noise", "same", "gaps"), categorical=("proto",)
    )


@pytest.fixture(scope="session")
def rows():
    random = np.random.default_rng(3)
    attack = random.random(600) < 0.1
    size = random.lognormal(3, 2, 600) * np.where(attack, 50, 1)
    gaps = random.normal(size=600)
    gaps[:60], gaps[60:63] = np.nan, np.inf
    return pd.DataFrame(
        {
            "label": pd.array(attack.astype(int), dtype="Int8"),
            "attack": pd.Series(np.where(attack, "scan", None), dtype=object),
            "size": size,
            "double": size * 2,
            "noise": random.normal(size=600),
            "same": 1.0,
            "gaps": gaps,
            "proto": random.choice(np.array(["tcp", "udp", None], dtype=object), 600),
        }
    )

"""The most anomalous training rows are found without labels, and equal rows stay or go together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from oddwire.detection.contamination import most_anomalous_rows
from oddwire.detection.model import Model
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(numeric=("bytes", "packets", "seconds"), categorical=("service",))


def traffic(rows, seed):
    """Benign connections of three services, each of its own size."""
    rng = np.random.default_rng(seed)
    service = rng.integers(0, 3, rows)
    size = np.exp(rng.normal(3 + 2 * service, 0.5))
    return pd.DataFrame({
        "bytes": size,
        "packets": np.ceil(size / 40) + rng.poisson(2, rows),
        "seconds": np.exp(rng.normal(service, 0.7)),
        "service": np.array(["dns", "http", "smtp"])[service],
    })  # fmt: skip


def flood(rows, seed):
    """Many connections that are all but equal: far from all others, near each other."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "bytes": rng.normal(40, 0.1, rows),
            "packets": np.full(rows, 900.0),
            "seconds": np.zeros(rows),
            "service": "http",
        }
    )


@pytest.fixture(scope="module")
def with_attacks():
    """Training rows of which the last 20, 1 %, are a flood."""
    return pd.concat([traffic(1980, seed=1), flood(20, seed=2)], ignore_index=True)


def test_a_flood_among_the_training_rows_is_found(with_attacks):
    found = most_anomalous_rows(with_attacks, SCHEMA, 0.05, seed=0)
    assert found.sum() == 100
    assert found[-20:].all()


@pytest.mark.parametrize("detector", ["nearest_neighbours", "one_class_svm"])
def test_without_them_a_detector_tells_the_next_flood(with_attacks, detector):
    new = pd.concat([traffic(500, seed=3), flood(50, seed=4)], ignore_index=True)
    attack = np.arange(len(new)) >= 500
    kept = with_attacks[~most_anomalous_rows(with_attacks, SCHEMA, 0.05, seed=0)]
    area = {
        name: roc_auc_score(
            attack, Model.build(SCHEMA, detector, seed=0).fit(rows).anomaly_score(new)
        )
        for name, rows in (("all", with_attacks), ("kept", kept))
    }
    assert area["kept"] > 0.95
    assert area["kept"] > area["all"] + 0.1


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 60), st.floats(0, 0.49), st.integers(0, 100))
def test_at_most_the_share_asked_for_is_found_whatever_the_rows(rows, share, seed):
    frame = traffic(rows, seed).sample(rows, replace=True, random_state=seed, ignore_index=True)
    found = most_anomalous_rows(frame, SCHEMA, share, seed=seed)
    assert found.shape == (rows,)
    assert found.sum() <= share * rows
    fates = frame.assign(found=found).groupby(list(SCHEMA.columns))["found"].nunique()
    assert (fates == 1).all()


def test_the_same_seed_finds_the_same_rows_and_equal_rows_all_stay(with_attacks):
    first, second = (most_anomalous_rows(with_attacks, SCHEMA, 0.1, seed=5) for _ in range(2))
    assert (first == second).all()
    equal = with_attacks.head(1).loc[[0] * 50].reset_index(drop=True)
    assert not most_anomalous_rows(equal, SCHEMA, 0.3, seed=0).any()

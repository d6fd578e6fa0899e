"""What is carried from row to row: a damaged file of it is told in a line, whatever the damage."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.model import Model
from oddwire.errors import DataError
from oddwire.operations.scoring.carried import Carried
from oddwire.traffic.schema import FeatureSchema


def rows(count, seed):
    random = np.random.default_rng(seed)
    seconds = np.sort(random.integers(0, 2 * 86_400, count))
    return pd.DataFrame({
        "ts": pd.to_datetime(seconds, unit="s", utc=True),
        "unit": random.choice([f"10.0.0.{number}" for number in range(30)], count),
        "bytes": random.lognormal(6, 1, count),
    })  # fmt: skip


@pytest.fixture(scope="module")
def model():
    small = Model.build(
        FeatureSchema(numeric=("bytes",)), "isolation_forest", {"detector__n_estimators": 10},
        seed=0, alert_p_value=0.02,
        metadata={"threshold": {"target": {"false_incidents_per_day": 30.0}}},
    )  # fmt: skip
    return small.fit(rows(300, 1)).calibrate(rows(2000, 2), days=2.0)


@pytest.fixture(scope="module")
def kept(model, tmp_path_factory):
    file = tmp_path_factory.mktemp("carried") / "1.npz"
    carried, frame = Carried(model, adaptive=True), rows(2000, 3)
    carried.add(frame, model.score(frame))
    carried.save(file)
    return file


def fault_of(model, file):
    """What is told of a file; None where it can be read."""
    try:
        Carried(model, adaptive=True).load(file)
    except DataError as error:
        return str(error)
    return None


def test_any_damage_of_bytes_is_told(model, kept, tmp_path):
    random, told = np.random.default_rng(0), []
    content, damaged = kept.read_bytes(), tmp_path / "damaged.npz"
    for _ in range(300):
        changed = bytearray(content)
        for place in random.integers(0, len(content), 3):
            changed[place] = random.integers(256)
        damaged.write_bytes(changed)
        told.append(fault_of(model, damaged))
    faults = [each for each in told if each is not None]
    assert len(faults) > 200
    assert all("is damaged" in each and "remove it" in each for each in faults)


@pytest.mark.parametrize("name", ["incidents_sources", "incidents_newest", "units_state"])
@pytest.mark.parametrize("array", [np.array(["x"]), np.array([{}]), np.arange(7)], ids=str)
def test_an_array_of_something_else_is_told(model, kept, tmp_path, name, array):
    with np.load(kept) as content:
        arrays = {**content, name: array}
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(DataError, match="is damaged"):
        Carried(model, adaptive=True).load(tmp_path / "other.npz")


@pytest.mark.parametrize("state", ["[" * 100_000, "[]", json.dumps({"level": 1.0})])
def test_a_threshold_of_something_else_is_told(model, kept, tmp_path, state):
    with np.load(kept) as content:
        arrays = {**content, "adaptive": np.array(state)}
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(DataError, match="is damaged"):
        Carried(model, adaptive=True).load(tmp_path / "other.npz")

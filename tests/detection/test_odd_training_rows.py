"""Training rows that hardly say anything give a sound model or a clear error, by every detector."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.errors import OddwireError
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(("bytes", "duration", "constant", "empty"), ("proto", "name"))
QUICK = {
    "isolation_forest": [{"detector__n_estimators": 20}],
    "autoencoder": [
        {"detector__max_epochs": 3, "detector__score_from": score}
        for score in ("reconstruction", "both")
    ],
    "kmeans_autoencoder": [{"detector__max_epochs": 3, "detector__n_networks": 1}],
    "ensemble": [
        {
            "detector__members": [
                {"detector": "isolation_forest", "detector__n_estimators": 20},
                {"detector": "kmeans"},
                {"detector": "nearest_neighbours"},
            ]
        }
    ],
}
CASES = [(name, params) for name in DETECTORS for params in QUICK.get(name, [{}])]


def rows(count, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame({
        "bytes": random.lognormal(6, 1, count),
        "duration": random.exponential(size=count),
        "constant": 5.0,
        "empty": np.nan,
        "proto": random.choice(np.array(["tcp", "udp"], dtype=object), count),
        "name": [f"C{number}" for number in range(count)],
    })  # fmt: skip


ROWS = {
    "a single row": rows(1),
    "a single distinct row": pd.concat([rows(1)] * 60, ignore_index=True),
    "fewer rows than clusters or neighbours": rows(3),
    "few distinct rows": pd.concat([rows(12)] * 20, ignore_index=True),
    "constant and empty columns, a name to each row": rows(200),
}

REFUSED: dict[tuple[str, str], str] = {}  # detector and case → what the error says


@pytest.mark.parametrize("case", ROWS)
@pytest.mark.parametrize(("name", "params"), CASES)
def test_a_sound_model_or_a_clear_error(name, params, case):
    model = Model.build(SCHEMA, name, params, seed=0)
    if refused := REFUSED.get((name, case)):
        with pytest.raises(OddwireError, match=refused):
            model.fit(ROWS[case])
        return
    model.fit(ROWS[case])
    said = model.calibrate(rows(60, seed=1)).score(rows(20, seed=2))
    assert np.isfinite(said["anomaly_score"]).all()
    assert said["p_value"].between(0, 1, inclusive="right").all()


@pytest.mark.parametrize("name", ["isolation_forest", "kmeans", "ensemble"])
def test_no_column_with_a_value_is_a_clear_error(name):
    empty = FeatureSchema(("empty",), ())
    with pytest.raises(OddwireError, match="no feature column with a value"):
        Model.build(empty, name, QUICK.get(name, [{}])[0], seed=0).fit(rows(50))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["isolation_forest", "ensemble"])
def test_a_column_of_a_million_categories(name):
    many = FeatureSchema(("bytes",), ("name",))
    random = np.random.default_rng(0)
    frame = pd.DataFrame({
        "bytes": random.lognormal(6, 1, 1_000_000),
        "name": [f"C{number}" for number in range(1_000_000)],
    })  # fmt: skip
    params = QUICK[name][0] if name == "isolation_forest" else {
        "detector__members": [{"detector": "isolation_forest", "detector__n_estimators": 10}]
    }  # fmt: skip
    model = Model.build(many, name, params, seed=0).fit(frame)
    said = model.calibrate(frame.tail(1000)).score(rows(20, seed=2).assign(name="never seen"))
    assert np.isfinite(said["anomaly_score"]).all()

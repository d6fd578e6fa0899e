"""Training rows that say hardly anything give a sound model, by every detector."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_models import QUICK

from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.errors import OddwireError
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(("bytes", "duration", "constant", "empty"), ("proto", "name"))
MEMBERS = [
    {"detector": "isolation_forest", "detector__n_estimators": 10},
    {"detector": "kmeans"},
    {"detector": "nearest_neighbours"},
]
PARAMS = QUICK | {"ensemble": {"detector__members": MEMBERS}}


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


@pytest.mark.parametrize("case", ROWS)
@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_gives_a_sound_model(name, case):
    model = Model.build(SCHEMA, name, PARAMS.get(name), seed=0).fit(ROWS[case])
    scored = model.calibrate(rows(60, seed=1)).score(rows(20, seed=2))
    assert np.isfinite(scored["anomaly_score"]).all()
    assert scored["p_value"].between(0, 1, inclusive="right").all()


@pytest.mark.parametrize("name", ["isolation_forest", "ensemble"])
def test_no_column_with_a_value_is_a_clear_error(name):
    empty = FeatureSchema(("empty",), ())
    with pytest.raises(OddwireError, match="no feature column with a value"):
        Model.build(empty, name, PARAMS.get(name), seed=0).fit(rows(50))


@pytest.mark.slow
def test_a_column_with_a_category_for_each_row():
    many = FeatureSchema(("bytes",), ("name",))
    random = np.random.default_rng(0)
    frame = pd.DataFrame({
        "bytes": random.lognormal(6, 1, 200_000),
        "name": [f"C{number}" for number in range(200_000)],
    })  # fmt: skip
    model = Model.build(many, "ensemble", {"detector__members": MEMBERS[:1]}, seed=0).fit(frame)
    scored = model.calibrate(frame.tail(1000)).score(rows(20, seed=2).assign(name="never seen"))
    assert np.isfinite(scored["anomaly_score"]).all()

"""A model reads only its own columns, refuses rows it cannot read, and says how odd a row is."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from oddwire.detection import model as model_module
from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.errors import DataError, ModelError, ParameterError
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(numeric=("bytes", "duration", "constant"), categorical=("proto",))
# Settings under which a detector is quick; one without an entry runs with its defaults.
QUICK = {
    "isolation_forest": {"detector__n_estimators": 50},
    "autoencoder": {"detector__max_epochs": 3},
    "kmeans_autoencoder": {
        "detector__n_clusters": 2,
        "detector__n_networks": 1,
        "detector__max_epochs": 3,
    },
    "ensemble": {
        "detector__members": [
            {"detector": "isolation_forest", "detector__n_estimators": 20},
            {"detector": "one_class_svm", "preprocessing__transform": "quantile_uniform"},
        ]
    },
}


def rows(count=400, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "bytes": random.lognormal(6, 1, size=count),
            "duration": random.exponential(size=count),
            "constant": 0.0,
            "proto": random.choice(np.array(["tcp", "udp"], dtype=object), size=count),
            "label": 0,
        }
    )


def odd_rows():
    frame = rows(8, seed=9)
    frame["bytes"] = [np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, 5.0, 1e9]
    frame["proto"] = [None, "icmp", "tcp", np.nan, "", "tcp", "udp", "gre"]
    return frame


def ready(name="isolation_forest", **settings):
    model = Model.build(SCHEMA, name, QUICK.get(name, {}), seed=0, **settings)
    return model.fit(rows()).calibrate(rows(seed=1))


@pytest.fixture(scope="module", params=sorted(DETECTORS))
def fitted(request):
    return ready(request.param)


def test_every_detector_scores_rows_of_any_oddity(fitted):
    result = fitted.score(odd_rows())
    assert np.isfinite(result["anomaly_score"]).all()
    assert result["p_value"].between(0, 1, inclusive="right").all()


def test_a_row_far_off_is_odder_than_ordinary_ones(fitted):
    far = rows(1).assign(bytes=1e9, duration=1e6, constant=5.0)
    p_value = fitted.score(far)["p_value"].iloc[0]
    assert p_value <= 2 / 401
    assert fitted.score(rows(seed=2))["p_value"].median() > 0.3


def test_about_as_many_new_benign_rows_alert_as_the_rate_allows(fitted):
    fitted.alert_p_value = 0.05
    try:
        share = fitted.score(rows(4000, seed=3))["alert"].mean()
    finally:
        fitted.alert_p_value = 0.01
    # Of calibration sets of 400 rows, 999 of 1,000 give a rate between these.
    assert 0.02 < share < 0.1


def test_a_row_is_an_alert_exactly_where_its_score_reaches_the_threshold(fitted):
    result = fitted.score(pd.concat([rows(500, seed=4), odd_rows()], ignore_index=True))
    reached = result["anomaly_score"] >= fitted.threshold
    assert result["alert"].equals(reached.rename("alert"))
    assert reached.any()


def test_scores_keep_the_index_and_order_of_the_rows():
    model = ready()
    frame = rows(50, seed=5)
    expected = model.score(frame)
    shuffled = frame.sample(frac=1, random_state=0)
    shuffled.index = [f"row {label}" for label in shuffled.index]
    result = model.score(shuffled)
    assert list(result.index) == list(shuffled.index)
    assert list(result) == ["anomaly_score", "p_value", "extrapolated", "alert"]
    assert result.dtypes.astype(str).tolist() == ["float64", "float64", "bool", "bool"]
    places = [int(label.removeprefix("row ")) for label in result.index]
    np.testing.assert_array_equal(
        result["anomaly_score"], expected["anomaly_score"].to_numpy()[places]
    )


def test_the_same_seed_gives_the_same_scores(fitted):
    again = ready(fitted.detector_name)
    np.testing.assert_array_equal(
        again.anomaly_score(rows(seed=6)), fitted.anomaly_score(rows(seed=6))
    )


def test_columns_beside_the_schema_and_their_order_do_not_matter():
    frame = rows(seed=7)
    other = frame[frame.columns[::-1]].assign(label=1, uid="x")
    model = ready()
    np.testing.assert_array_equal(model.anomaly_score(frame), model.anomaly_score(other))
    again = Model.build(SCHEMA, "isolation_forest", QUICK["isolation_forest"], seed=0)
    again.fit(rows()[["proto", "label", "constant", "duration", "bytes"]].assign(label=1))
    np.testing.assert_array_equal(model.anomaly_score(frame), again.anomaly_score(frame))


def test_rows_are_scored_block_by_block(monkeypatch):
    model = ready()
    frame = rows(3000, seed=8)
    whole = model.anomaly_score(frame)
    monkeypatch.setattr(model_module, "_BLOCK_CELLS", 1)
    seen = []
    transform = model.preprocessing.transform
    monkeypatch.setattr(
        model.preprocessing, "transform", lambda part: seen.append(len(part)) or transform(part)
    )
    np.testing.assert_array_equal(model.anomaly_score(frame), whole)
    assert seen == [1024, 1024, 952]


def test_no_rows_have_no_scores(fitted):
    result = fitted.score(rows().iloc[:0])
    assert result.shape == (0, 4)


def test_missing_columns_are_named():
    frame = rows().drop(columns=["bytes", "proto"])
    with pytest.raises(ModelError, match="of which 2 are missing: 'bytes', 'proto'"):
        ready().score(frame)
    with pytest.raises(ModelError, match="'bytes', 'proto'"):
        Model.build(SCHEMA, "isolation_forest", seed=0).fit(frame)


def test_a_column_that_is_there_twice_is_named():
    frame = pd.concat([rows(), rows()[["bytes"]]], axis=1)
    with pytest.raises(DataError, match="got twice: 'bytes'"):
        ready().score(frame)


def test_text_in_a_numeric_column_is_named_with_its_row():
    frame = rows(5).astype({"bytes": object})
    frame.loc[3, "bytes"] = "lots"
    with pytest.raises(DataError, match="column 'bytes' must hold numbers, got 'lots' in row 3"):
        ready().score(frame)


def test_times_in_a_numeric_column_are_refused():
    frame = rows(2).assign(bytes=pd.Timestamp("2026-03-02", tz="UTC"))
    with pytest.raises(DataError, match="column 'bytes' must hold numbers, got times"):
        ready().score(frame)


@pytest.mark.parametrize("dtype", ["Int64", "object", "string", "float32", "int64"])
def test_numbers_of_any_type_are_the_same_numbers(dtype):
    plain = rows(20).assign(bytes=np.arange(20.0))
    other = plain.astype({"bytes": "int64"}).astype({"bytes": dtype})
    model = ready()
    np.testing.assert_array_equal(model.anomaly_score(plain), model.anomaly_score(other))


def test_missing_is_the_same_in_every_type():
    plain = rows(3).assign(bytes=[1.0, np.nan, 3.0])
    model = ready()
    for values in (pd.array([1, None, 3], dtype="Int64"), np.array([1, None, "3"], dtype=object)):
        np.testing.assert_array_equal(
            model.anomaly_score(plain), model.anomaly_score(plain.assign(bytes=values))
        )


def test_scoring_leaves_the_frame_as_it_was():
    frame = odd_rows().astype({"bytes": object})
    before = frame.copy(deep=True)
    ready().score(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_training_needs_a_row():
    with pytest.raises(DataError, match="training needs at least one row"):
        Model.build(SCHEMA, "isolation_forest", seed=0).fit(rows(0))


def test_a_model_gives_no_p_values_before_it_is_calibrated():
    model = Model.build(SCHEMA, "isolation_forest", QUICK["isolation_forest"], seed=0).fit(rows())
    assert model.anomaly_score(rows()).shape == (400,)
    with pytest.raises(ModelError, match="must be calibrated"):
        model.score(rows())
    with pytest.raises(ModelError, match="must be calibrated"):
        _ = model.threshold


def test_a_new_fit_drops_the_old_calibration():
    assert ready().fit(rows(seed=1)).calibration is None


def test_hyperparameters_reach_preprocessing_and_detector_and_defaults_stand_for_the_rest():
    params = {"preprocessing__transform": "standard", "detector__n_estimators": 7}
    model = Model.build(SCHEMA, "isolation_forest", params, seed=5)
    assert model.preprocessing.get_params()["transform"] == "standard"
    assert model.detector.get_params()["n_estimators"] == 7
    assert model.detector.get_params()["random_state"] == 5
    defaults = Model.build(SCHEMA, "isolation_forest", seed=5).hyperparameters
    assert model.hyperparameters == {**defaults, **params}


@pytest.mark.parametrize(
    "name",
    [
        "detector__colour",
        "preprocessing__colour",
        "colour",
        "detector__random_state",
        "preprocessing__numeric",
    ],
)
def test_an_unknown_hyperparameter_is_named(name):
    with pytest.raises(ParameterError, match=f"unknown hyperparameter '{name}'"):
        Model.build(SCHEMA, "isolation_forest", {name: 1}, seed=0)


def test_an_unknown_detector_is_named():
    with pytest.raises(ParameterError, match="oracle"):
        Model.build(SCHEMA, "oracle", seed=0)


def test_the_autoencoder_can_be_watched_and_stopped_and_scores_after_every_epoch():
    scores = []

    def after_epoch(epoch):
        scores.append(model.anomaly_score(rows(10)))
        return epoch == 1

    model = Model.build(SCHEMA, "autoencoder", {"detector__max_epochs": 9}, seed=0)
    model.fit(rows(), on_epoch=after_epoch)
    assert len(scores) == 2
    assert not np.array_equal(scores[0], scores[1])


def test_a_detector_without_epochs_is_never_asked_to_stop():
    def never(epoch):
        pytest.fail(f"called for {epoch}")

    model = Model.build(SCHEMA, "isolation_forest", QUICK["isolation_forest"], seed=0)
    assert model.fit(rows(), on_epoch=never).anomaly_score(rows()).shape == (400,)


def test_importing_the_model_loads_no_heavy_library():
    heavy = "torch, pytorch_lightning, mlflow, optuna, evidently, matplotlib, prefect"
    code = (
        "import sys, oddwire.detection.model;"
        f"print([m for m in '{heavy}'.split(', ') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"

"""An ensemble weighs its members, names the one that fails, and comes back from disk."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from oddwire.detection.detectors import DETECTORS, build_detector
from oddwire.detection.detectors.ensemble.detector import DEFAULT_MEMBERS, EnsembleDetector
from oddwire.detection.detectors.ensemble.fitting import hold_out
from oddwire.detection.detectors.ensemble.member import plan_members
from oddwire.detection.model import Model
from oddwire.errors import ModelError, ParameterError
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(numeric=("bytes", "duration"), categorical=("proto",))
FOREST = {"detector": "isolation_forest", "detector__n_estimators": 20}
SVM = {"detector": "one_class_svm"}
RANKED = {**SVM, "preprocessing__transform": "quantile_uniform", "detector__gamma": 1.0}


def rows(count=300, seed=0):
    random = np.random.default_rng(seed)
    missing = random.random(count) < 0.1
    return pd.DataFrame({
        "bytes": random.lognormal(6, 1, count),
        "duration": np.where(missing, np.nan, random.exponential(size=count)),
        "proto": random.choice(np.array(["tcp", "udp", None], dtype=object), count),
    })  # fmt: skip


def ensemble(*members, seed=3):
    return Model.build(SCHEMA, "ensemble", {"detector__members": list(members)}, seed=seed)


@pytest.fixture(scope="module")
def fitted():
    return ensemble(FOREST, SVM, RANKED).fit(rows())


# -- its scores --------------------------------------------------------------------------------


def test_the_order_of_the_members_does_not_matter(fitted):
    turned = ensemble(RANKED, FOREST, SVM).fit(rows())
    asked = rows(seed=1)
    np.testing.assert_allclose(
        turned.anomaly_score(asked), fitted.anomaly_score(asked), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("member", [FOREST, SVM, RANKED])
def test_a_single_member_ranks_as_the_detector_alone(member):
    many, asked = rows(3_200), rows(1_000, seed=1)
    among = ensemble(member).fit(many).detector
    part = hold_out(3_200, among.random_state_)[0]
    settings = {key: value for key, value in member.items() if key != "detector"}
    alone = Model.build(SCHEMA, member["detector"], settings, seed=among.random_state_)
    alone.fit(many.iloc[part.fitted])
    expected = alone.anomaly_score(asked)
    found = ensemble(member).fit(many).anomaly_score(asked)
    # Below the most normal benign row held out, all are equally normal.
    told_apart = found > found.min()
    assert told_apart.mean() > 0.95
    assert spearmanr(found[told_apart], expected[told_apart]).statistic > 1 - 1e-9


def test_members_with_equal_preprocessing_share_it():
    other = {**SVM, "detector__gamma": 5.0}
    assert len(ensemble(FOREST, SVM, other, RANKED).fit(rows()).detector.tables_) == 3


def test_a_member_may_choose_among_the_columns():
    model = ensemble({**SVM, "preprocessing__columns": ["bytes"]}).fit(rows())
    asked = rows(seed=1)
    blind = model.anomaly_score(asked.assign(duration=1e9, proto="gre"))
    np.testing.assert_array_equal(blind, model.anomaly_score(asked))


def test_a_plain_matrix_is_all_numbers():
    X = np.random.default_rng(0).normal(size=(200, 4))
    detector = build_detector("ensemble", {"members": [SVM]}, random_state=0).fit(X)
    assert detector.tables_[0].feature_names_out_ == [f"column {n}" for n in range(4)]


@pytest.mark.parametrize("count", [1, 19, 300, 2_999, 3_000, 100_000])
def test_what_is_held_out_is_not_fitted_to(count):
    parts = hold_out(count, 0)
    for part in parts:
        if count >= 20:
            assert not set(part.fitted) & set(part.held_out)
            assert part.fitted.size + part.held_out.size == count
    held_out = {1: 1, 3_000: 600, 100_000: 10_000}.get(count, count)
    assert sum(part.held_out.size for part in parts) == held_out


def test_the_default_members_are_detectors_of_their_own():
    plans = plan_members(DEFAULT_MEMBERS)
    assert len({plan.name for plan in plans}) >= 3
    assert {plan.name for plan in plans} <= set(DETECTORS) - {"ensemble"}


# -- what goes wrong ----------------------------------------------------------------------------


def test_a_member_that_cannot_be_fitted_is_named():
    with pytest.raises(ParameterError, match=r"members\[1\] \(one_class_svm\).*'fast'"):
        ensemble(FOREST, {**SVM, "detector__approximation": "fast"}).fit(rows())
    with pytest.raises(ModelError, match=r"members\[0\] \(isolation_forest\).*n_estimators"):
        ensemble({**FOREST, "detector__n_estimators": -1}).fit(rows())


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "a list of at least one"),
        ("one_class_svm", "a list of at least one"),
        ([{"detector__nu": 1}], r"members\[0\] must hold the key 'detector'"),
        ([SVM, {"detector": "forest"}], r"members\[1\]: unknown detector 'forest'"),
        ([{"detector": "ensemble"}], "unknown detector 'ensemble'"),
        ([{**SVM, "gamma": 1}], "unknown key 'gamma'"),
        ([{**SVM, "detector__trees": 1}], r"members\[0\].*no parameter 'trees'"),
        ([{**SVM, "preprocessing__width": 1}], r"members\[0\].*'width'"),
    ],
)
def test_bad_members_are_named(members, message):
    detector = EnsembleDetector(members=members, random_state=0)
    with pytest.raises((ParameterError, ModelError), match=message):
        detector.fit(np.random.default_rng(0).normal(size=(50, 2)))


# -- on disk ------------------------------------------------------------------------------------


def test_hyperparameters_travel_through_json(fitted):
    text = json.dumps(fitted.hyperparameters)
    again = Model.build(SCHEMA, "ensemble", json.loads(text), seed=3).fit(rows())
    asked = rows(seed=1)
    np.testing.assert_array_equal(again.anomaly_score(asked), fitted.anomaly_score(asked))


@pytest.fixture
def folder(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    return tmp_path / "model" / "detector"


def test_an_ensemble_with_an_autoencoder_comes_back_to_the_same_bits(tmp_path):
    deep = {"detector": "autoencoder", "detector__max_epochs": 1}
    # So few rows that the network is trained only once.
    model = ensemble(deep, SVM).fit(rows(15)).calibrate(rows(seed=1))
    digest = model.save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model", digest=digest)
    pd.testing.assert_frame_equal(loaded.score(rows(seed=2)), model.score(rows(seed=2)))
    assert loaded.hyperparameters == model.hyperparameters


@pytest.mark.parametrize(
    "name", ["ensemble.json", "preprocessing-1.skops", "member-0/detector.skops"]
)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        EnsembleDetector.load_weights(folder)


def test_a_member_of_another_type_is_refused(folder):
    shutil.copy(folder / "member-1" / "detector.skops", folder / "member-0" / "detector.skops")
    with pytest.raises(ModelError, match="must hold IsolationForestDetector, got OneClassSVM"):
        EnsembleDetector.load_weights(folder)


@pytest.mark.parametrize(
    ("key", "value"), [("columns", 2), ("preprocessings", 1), ("members", []), ("offset", None)]
)
def test_settings_that_do_not_fit_the_files_are_refused(folder, key, value):
    content = json.loads((folder / "ensemble.json").read_text())
    (folder / "ensemble.json").write_text(json.dumps(content | {key: value}))
    with pytest.raises(ModelError):
        EnsembleDetector.load_weights(folder)

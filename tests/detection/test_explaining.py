"""A planted anomaly is named first, by every detector, and figures say what is typical."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import QUICK

from oddwire.detection.benign_sample import BenignSample
from oddwire.detection.detectors import DETECTORS
from oddwire.detection.explaining import _parts, explain, sentences
from oddwire.detection.model import Model
from oddwire.detection.persistence.files import dump_json
from oddwire.detection.persistence.manifest import MANIFEST, sha256
from oddwire.errors import ModelError, ParameterError
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(
    numeric=("bytes", "packets", "duration", "rate", "constant"), categorical=("proto", "service")
)
COLUMNS = ["row", "rank", "feature", "value", "benign_median", "benign_quantile", "benign_share",
           "share"]  # fmt: skip
PARAMS = QUICK | {
    "autoencoder": {"detector__max_epochs": 5},
    "isolation_forest": {"detector__n_estimators": 60},
}
# These values hardly move the score, so there is little to explain: no tree splits there.
BLIND = {("isolation_forest", "constant"), ("isolation_forest", "service")}


def rows(count=300, seed=0):
    """Packets follow bytes, the service follows the protocol."""
    random = np.random.default_rng(seed)
    size = random.lognormal(6, 1, size=count)
    udp = random.random(count) < 0.4
    return pd.DataFrame({
        "bytes": size,
        "packets": size / 200 * random.lognormal(0, 0.1, size=count) + 1,
        "duration": random.exponential(size=count),
        "rate": random.normal(10, 1, size=count),
        "constant": 0.0,
        "proto": np.where(udp, "udp", "tcp").astype(object),
        "service": np.where(udp, "dns", np.where(random.random(count) < 0.7, "http", "ssh"))
        .astype(object),
    })  # fmt: skip


def ready(name="isolation_forest", schema=SCHEMA, **frames):
    train, benign = frames.get("train", rows()), frames.get("benign", rows(seed=1))
    model = Model.build(schema, name, PARAMS.get(name), seed=0)
    return model.fit(train).calibrate(benign)


@pytest.fixture(scope="module", params=sorted(DETECTORS))
def fitted(request):
    return ready(request.param)


@pytest.fixture(scope="module")
def forest():
    return ready()


def typical(model, count):
    """Rows that the model finds typical, so that only what is planted is anomalous."""
    found = rows(100, seed=2)
    calm = model.score(found)["p_value"] > 0.4
    return found[calm.to_numpy()].head(count).reset_index(drop=True)


PLANTS = {"rate": 60.0, "duration": 500.0, "constant": 30.0, "service": "never seen"}


def test_a_planted_anomaly_is_named_first(fitted):
    base = typical(fitted, 10)
    moved = fitted.anomaly_score(base.assign(rate=PLANTS["rate"])) - fitted.anomaly_score(base)
    for feature, value in PLANTS.items():
        planted = base.assign(**{feature: value})
        if (fitted.detector_name, feature) in BLIND:
            rise = fitted.anomaly_score(planted) - fitted.anomaly_score(base)
            assert rise.mean() < moved.mean() / 2
            continue
        first = fitted.explain(planted).query("rank == 1")
        assert (first["feature"] == feature).mean() >= 0.8, feature
        assert (first["value"] == value).mean() >= 0.8, feature


def test_two_planted_anomalies_are_the_first_two(fitted):
    anomalous = typical(fitted, 10).assign(rate=60.0, duration=500.0)
    first = fitted.explain(anomalous).query("rank <= 2")
    assert first["feature"].isin(["rate", "duration"]).mean() >= 0.8


def test_a_broken_dependence_is_seen_where_each_value_is_typical():
    """A short exchange of many packets: both numbers are typical, not both together."""
    anomalous = rows(20, seed=2).assign(bytes=60.0, packets=30.0)
    first = ready("one_class_svm").explain(anomalous).query("rank == 1")
    assert first["feature"].isin(["bytes", "packets"]).mean() >= 0.8


def test_shares_sum_to_one_over_all_features(forest):
    anomalous = rows(30, seed=3)
    anomalous.loc[:20, "rate"] = 50.0
    every = forest.explain(anomalous, top=99)
    assert list(every) == COLUMNS
    assert every["row"].tolist() == np.repeat(np.arange(30), 7).tolist()
    assert every["rank"].tolist() == list(range(1, 8)) * 30
    assert every["share"].between(0, 1).all()
    total = every.groupby("row")["share"].sum()
    assert (np.isclose(total, 1) | (total == 0)).all()
    assert np.isclose(total[:21], 1).all()
    for _, row in every.groupby("row"):
        contributes = row["share"] > 0
        assert contributes.is_monotonic_decreasing
        assert set(row["feature"]) == set(SCHEMA.columns)
    pd.testing.assert_frame_equal(
        forest.explain(anomalous, top=2), every[every["rank"] <= 2].reset_index(drop=True)
    )


class Sum:
    """A detector whose score is a weight for ssh and one for each step of the rate above 12."""

    feature_names_out_ = ("ssh", "rate")

    def transform(self, frame):
        return np.column_stack([frame["service"] == "ssh", np.maximum(frame["rate"] - 12, 0)])

    def score_samples(self, matrix):
        return -matrix @ [3.0, 1.0]


@pytest.mark.parametrize(("step", "first"), [(2.0, "rate"), (0.1, "service")])
def test_a_value_that_many_benign_rows_have_comes_after_what_sets_the_row_apart(step, first):
    """Of benign rows 17 % are ssh, none has such a rate; but a rare trifle is no reason."""
    benign = rows(seed=1).assign(rate=lambda frame: frame["rate"].clip(upper=12.0))
    calm = benign[benign["service"] == "http"].head(5)
    anomalous = calm.assign(service="ssh", rate=12.0 + step)
    explained = explain(
        anomalous, preprocessing=Sum(), detector=Sum(), benign=BenignSample.fit(benign, SCHEMA)
    )
    shares = explained.pivot_table(index="row", columns="feature", values="share")
    np.testing.assert_allclose(shares["service"], 3 / (3 + step))
    assert set(explained[explained["rank"] == 1]["feature"]) == {first}


def test_among_values_as_rare_as_each_other_the_largest_contribution_comes_first(fitted):
    never_seen = typical(fitted, 10).assign(rate=60.0, duration=500.0, service="never seen")
    for _, row in fitted.explain(never_seen, top=99).groupby("row"):
        rare = row[row["feature"].isin(["rate", "duration", "service"])]
        assert rare["share"].is_monotonic_decreasing


def test_a_row_that_is_kept_itself_has_nobody_to_blame():
    benign = pd.concat([rows(1, seed=4)] * 5, ignore_index=True)
    explained = ready(benign=benign).explain(benign.head(1))
    assert (explained["share"] == 0).all()
    assert sentences(explained) == [""]


def test_the_figures_are_those_of_the_benign_rows():
    benign = pd.DataFrame({
        "bytes": [1.0, 2.0, 2.0, 4.0, np.nan], "packets": [5.0, 5, 5, 5, 5], "duration": np.nan,
        "rate": [0.0, 0, 0, 0, 1], "constant": 0.0,
        "proto": ["udp", "tcp", "tcp", None, "icmp"], "service": None,
    })  # fmt: skip
    anomalous = rows(3, seed=5).assign(
        bytes=[2.0, np.nan, np.inf], duration=1.0, proto=["udp", None, "gre"], packets=[4, 5, 6]
    )
    anomalous.index = ["a", "b", "c"]
    explained = ready(benign=benign).explain(anomalous, top=9).set_index(["row", "feature"])
    column = {name: explained.xs(name, level="feature") for name in SCHEMA.columns}
    assert column["bytes"]["benign_median"].tolist() == [2.0] * 3
    np.testing.assert_array_equal(column["bytes"]["benign_quantile"], [0.5, np.nan, 1.0])
    assert column["bytes"]["benign_share"].tolist() == [0.4, 0.2, 0.0]
    assert column["packets"]["benign_quantile"].tolist() == [0.0, 0.5, 1.0]
    assert column["proto"]["benign_median"].tolist() == ["tcp"] * 3
    assert column["proto"]["benign_share"].tolist() == [0.2, 0.2, 0.0]
    assert column["proto"]["value"].tolist() == ["udp", None, "gre"]
    assert column["proto"]["benign_quantile"].isna().all()
    assert column["duration"]["benign_median"].isna().all()
    assert column["duration"]["benign_quantile"].isna().all()
    assert column["service"]["benign_median"].isna().all()


def test_extreme_rows_are_explained(forest):
    anomalous = rows(8, seed=6)
    anomalous["bytes"] = [np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, 5.0, 1e9]
    anomalous["proto"] = [None, "icmp", "tcp", np.nan, "", "tcp", "udp", "gre"]
    before = anomalous.copy(deep=True)
    explained = forest.explain(anomalous, top=3)
    assert len(explained) == 24
    assert np.isfinite(explained["share"]).all()
    assert all(sentences(explained))
    pd.testing.assert_frame_equal(anomalous, before)


def test_a_missing_value_that_training_never_missed_can_be_the_reason():
    train = rows().assign(rate=lambda frame: frame["rate"].where(frame.index % 50 > 0))
    anomalous = rows(10, seed=7).assign(rate=np.nan)
    first = ready("one_class_svm", train=train).explain(anomalous).query("rank == 1")
    assert (first["feature"] == "rate").mean() >= 0.8
    assert "rate=missing" in sentences(first)[0]


def test_the_order_of_columns_and_other_columns_do_not_matter(forest):
    anomalous = rows(10, seed=8).assign(rate=50.0)
    other = anomalous[anomalous.columns[::-1]].assign(label=1, uid="x")
    pd.testing.assert_frame_equal(forest.explain(anomalous), forest.explain(other))


def test_a_row_is_explained_the_same_alone_and_among_others(forest):
    anomalous = rows(5, seed=9).assign(duration=[300.0, 0.1, 300.0, 0.5, 2.0])
    together = forest.explain(anomalous)
    alone = pd.concat([forest.explain(anomalous.iloc[[i]]) for i in range(5)], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


def test_rows_are_explained_block_by_block(forest, monkeypatch):
    anomalous = rows(7, seed=9).assign(rate=50.0)
    whole = forest.explain(anomalous)
    monkeypatch.setattr("oddwire.detection.benign_sample._BLOCK_CELLS", 1)
    pd.testing.assert_frame_equal(forest.explain(anomalous), whole)


def test_a_single_column_bears_it_all():
    schema = FeatureSchema(numeric=("rate",))
    model = ready(schema=schema)
    explained = model.explain(rows(5, seed=1).assign(rate=99.0))
    assert explained["feature"].tolist() == ["rate"] * 5
    assert explained["share"].tolist() == [1.0] * 5


def test_no_rows_have_no_reasons(forest):
    explained = forest.explain(rows().iloc[:0])
    assert list(explained) == COLUMNS
    assert len(explained) == 0
    assert sentences(explained) == []


def test_labels_of_rows_may_repeat(forest):
    anomalous = rows(4, seed=3).assign(rate=50.0)
    anomalous.index = [7, 7, 7, 1]
    explained = forest.explain(anomalous, top=2)
    assert explained["row"].tolist() == [7] * 6 + [1] * 2
    assert len(sentences(explained)) == 4


@pytest.mark.parametrize("top", [0, -1])
def test_at_least_one_feature_is_asked_for(forest, top):
    with pytest.raises(ParameterError, match=f"top must be at least 1, got {top}"):
        forest.explain(rows(1), top=top)


def test_missing_columns_are_named(forest):
    with pytest.raises(ModelError, match="'bytes'"):
        forest.explain(rows(1).drop(columns="bytes"))


def test_a_model_that_is_not_calibrated_explains_nothing():
    model = Model.build(SCHEMA, "isolation_forest", seed=0).fit(rows())
    with pytest.raises(ModelError, match="must be calibrated"):
        model.explain(rows(1))


def test_text_from_the_wire_is_made_harmless_and_short(forest):
    evil = "\x1b[31m\u202ehttp" + "A" * 1000
    anomalous = rows(1, seed=3).assign(service=evil)
    line = sentences(forest.explain(anomalous))[0]
    assert line.isprintable()
    assert len(line) < 400
    explained = forest.explain(anomalous, top=99)
    assert evil in explained["value"].tolist()
    named = explained.assign(feature=evil, value=evil)
    assert sentences(named)[0].isprintable()


def test_a_sentence_gives_the_share_the_value_and_what_is_typical(forest):
    anomalous = typical(forest, 1).assign(rate=1234567.0)
    sentence = sentences(forest.explain(anomalous))[0]
    figures = r"\d+ %: rate=1\.23457e\+06 \(above 100 % of benign rows; typical: \d+\.\d+\)"
    assert re.match(f"contributes {figures}", sentence)
    low = sentences(forest.explain(typical(forest, 1).assign(rate=-1234567.0)))[0]
    assert "rate=-1.23457e+06 (below 100 % of benign rows; typical: " in low


@pytest.mark.parametrize(
    ("share", "compared"),
    [(0.9, "90 % of benign rows have it"), (0.002, "below 98.9 % of benign rows")],
)
def test_a_number_that_many_benign_rows_have_is_not_called_low(share, compared):
    table = {"feature": ["errors"], "value": [0.0], "benign_median": [0.5], "share": [0.5]}
    table |= {"rank": [1], "benign_quantile": [0.01], "benign_share": [share]}
    expected = f"contributes 50 %: errors=0 ({compared}; typical: 0.5)"
    assert sentences(pd.DataFrame(table)) == [expected]


@pytest.mark.parametrize(
    ("value", "shown"), [("gre", "gre"), ("", "''"), ("a; 99 %: b=c", "'a; 99 %: b=c'")]
)
def test_text_that_could_be_taken_for_the_sentence_is_quoted(value, shown):
    table = {"feature": ["proto"], "value": [value], "benign_median": ["tcp"], "share": [0.5]}
    table |= {"rank": [1], "benign_quantile": [np.nan], "benign_share": [0.0123]}
    expected = f"contributes 50 %: proto={shown} (1.23 % of benign rows have it; typical: tcp)"
    assert sentences(pd.DataFrame(table)) == [expected]


# What is kept with the model.


def test_a_loaded_model_gives_the_same_explanations(forest, tmp_path):
    anomalous = rows(10, seed=10).assign(rate=50.0, proto=["udp", None] * 5)
    digest = forest.save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model", digest=digest)
    pd.testing.assert_frame_equal(loaded.explain(anomalous), forest.explain(anomalous))


def rewritten(folder, change):
    """Alter model.json, and renew the manifest."""
    about = json.loads((folder / "model.json").read_text())
    change(about)
    (folder / "model.json").write_bytes(dump_json(about))
    files = {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }
    (folder / MANIFEST).write_bytes(dump_json({"files": files}))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda about: about["benign_sample"]["categories"].pop("proto"), "categorical columns"),
        (
            lambda about: about["benign_sample"]["categories"].update(proto=[]),
            "'proto' that has no",
        ),
        (lambda about: about["benign_sample"].pop("categories"), "KeyError"),
    ],
    ids=["column", "category", "all"],
)
def test_rows_that_do_not_fit_their_categories_are_refused(forest, tmp_path, change, says):
    forest.save(tmp_path / "model")
    rewritten(tmp_path / "model", change)
    with pytest.raises(ModelError, match=says):
        Model.load(tmp_path / "model")


def test_a_fit_forgets_the_rows_of_the_former_one():
    model = ready()
    assert model.benign_sample is not None
    assert model.fit(rows()).benign_sample is None


@given(st.lists(st.lists(st.floats(-1e308, 1e308), min_size=3, max_size=3), min_size=1, max_size=4))
def test_parts_sum_to_one_or_are_all_zero(amounts):
    parts = _parts(np.array(amounts))
    above = (np.array(amounts) > 0).any(axis=1)
    np.testing.assert_allclose(parts.sum(axis=1), above.astype(float), atol=1e-12)
    assert (parts >= 0).all()

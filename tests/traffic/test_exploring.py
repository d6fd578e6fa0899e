"""Statistics and pictures of a source."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from oddwire.traffic.exploring import describe, most_telling, sample, separation
from oddwire.traffic.pictures import draw
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(numeric=("told", "twin", "noise", "same", "gaps"), categorical=("proto",))
PICTURES = ["classes.png", "correlation.png", "distributions.png", "missing.png"]


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(3)
    attack = random.random(600) < 0.1
    told = random.lognormal(3, 2, 600) * np.where(attack, 50, 1)
    gaps = random.normal(size=600)
    gaps[:60], gaps[60:63] = np.nan, np.inf
    return pd.DataFrame(
        {
            "label": pd.array(attack.astype(int), dtype="Int8"),
            "attack": pd.Series(np.where(attack, "scan", None), dtype=object),
            "told": told,
            "twin": told * 2,
            "noise": random.normal(size=600),
            "same": 1.0,
            "gaps": gaps,
            "proto": random.choice(np.array(["tcp", "udp", None], dtype=object), 600),
        }
    )


def test_describes_rows_and_features(rows):
    about = describe(rows, rows, SCHEMA)
    attacks = int(rows["label"].sum())
    assert about["rows"] == {"benign": 600 - attacks, "attack": attacks, "unlabelled": 0}
    assert about["families"] == {"scan": attacks}
    assert about["constant"] == ["same"]
    assert [pair[:2] for pair in about["alike"]] == [["told", "twin"]]
    assert (about["numeric"]["gaps"]["missing"], about["numeric"]["gaps"]["infinite"]) == (60, 3)
    benign = rows.loc[rows["label"] == 0, "told"]
    assert about["numeric"]["told"]["benign"]["median"] == pytest.approx(benign.median())
    assert about["numeric"]["told"]["benign"]["std"] == pytest.approx(benign.std(ddof=0))
    assert about["categorical"]["proto"]["missing"] == rows["proto"].isna().sum()
    assert about["categorical"]["proto"]["distinct"] == 2
    assert json.loads(json.dumps(about, allow_nan=False)) == about


def test_the_most_telling_feature_comes_first_and_its_twin_is_left_out(rows):
    about = describe(rows, rows, SCHEMA)
    names = most_telling(about, most=9)
    assert names[0] in {"told", "twin"}
    assert {"told", "twin"} - set(names)
    assert "same" not in names


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40).filter(
        lambda pairs: len({attack for _, attack in pairs}) == 2
    )
)
def test_separation_is_the_roc_auc_of_the_feature_alone(pairs):
    values, attack = (pd.Series(part) for part in zip(*pairs, strict=True))
    expected = abs(2 * roc_auc_score(attack, values) - 1)
    assert separation(values.astype(float), attack) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(
    labels=st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=300),
    most=st.integers(1, 200),
)
def test_a_sample_keeps_order_and_holds_as_many_rows_as_it_may(labels, most):
    rows = pd.DataFrame({"label": pd.array(labels, dtype="Int8"), "at": range(len(labels))})
    taken = sample(rows, max_rows=most)
    assert len(taken) == min(most, len(rows))
    assert taken["at"].is_monotonic_increasing
    assert taken["at"].is_unique
    attacks = rows["label"].eq(1).sum()
    assert taken["label"].eq(1).sum() >= min(attacks, most // 2)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["labelled", "unlabelled", "one column", "text alone", "gaps"])
def test_draws_whatever_the_columns_are(rows, tmp_path, case):
    schema = SCHEMA
    if case == "unlabelled":
        rows = rows.assign(label=pd.array([None] * len(rows), dtype="Int8"), attack=None)
    elif case == "one column":
        schema = FeatureSchema(numeric=("told",))
    elif case == "text alone":
        schema = FeatureSchema(numeric=(), categorical=("proto",))
    elif case == "gaps":
        rows, schema = rows.assign(same=np.nan), FeatureSchema(numeric=("same", "gaps"))
    about = {"source": "made", **describe(rows, rows, schema)}
    draw(about, rows, schema, tmp_path)
    first = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert sorted(first) == PICTURES
    assert all(content.startswith(b"\x89PNG") and len(content) > 2000 for content in first.values())
    if case == "labelled":
        draw(about, rows, schema, tmp_path)
        assert first == {file.name: file.read_bytes() for file in tmp_path.iterdir()}

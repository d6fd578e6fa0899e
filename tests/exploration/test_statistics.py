"""Statistics of a source's rows, and how well features separate the classes alone."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.exploration.leakage import find_suspects
from oddwire.exploration.sample import AllRows, sample
from oddwire.exploration.single_features import auc_alone
from oddwire.exploration.statistics import describe, repeats
from oddwire.traffic.schema import FeatureSchema


def test_describes_rows_and_features(rows, schema):
    about = describe(AllRows.of(rows), rows, schema)
    attacks = int(rows["label"].sum())
    assert about["rows"] == {"benign": 600 - attacks, "attack": attacks, "unlabelled": 0}
    assert about["families"] == {"scan": attacks}
    assert (about["constant"], about["empty"]) == (["same"], [])
    assert about["gaps"]["infinite"] == 3
    assert [pair[:2] for pair in about["alike"]] == [["size", "double"]]
    assert (about["numeric"]["gaps"]["missing"], about["numeric"]["gaps"]["infinite"]) == (60, 3)
    benign, size = rows.loc[rows["label"] == 0, "size"], about["numeric"]["size"]["benign"]
    assert size["count"] == size["distinct"] == len(benign)
    assert size["median"] == pytest.approx(benign.median())
    assert size["q95"] == pytest.approx(benign.quantile(0.95))
    assert size["std"] == pytest.approx(benign.std(ddof=0))
    assert about["categorical"]["proto"]["missing"] == rows["proto"].isna().sum()
    assert about["categorical"]["proto"]["distinct"] == 2
    assert json.loads(json.dumps(about, allow_nan=False)) == about


def test_figures_of_the_largest_numbers_stay_in_range(rows, schema):
    huge = np.resize([-1.7e308, 0.0, 1.7e308], len(rows))
    about = describe(AllRows.of(rows.assign(size=huge)), rows.assign(size=huge), schema)
    assert json.dumps(about, allow_nan=False)
    assert about["numeric"]["size"]["benign"]["max"] == 1.7e308


def test_rows_that_repeat_and_rows_that_contradict_are_counted():
    schema = FeatureSchema(numeric=("a",), categorical=("b",))
    rows = pd.DataFrame(
        {
            "label": pd.array([0, 0, 1, 1, None], dtype="Int8"),
            "a": [0.0, -0.0, 0.0, np.nan, np.nan],
            "b": ["x", "x", "x", None, None],
        }
    )
    assert repeats(AllRows.of(rows), schema) == {"repeated": 3, "contradicting": 3}


def test_a_feature_separates_whether_it_is_low_in_the_middle_or_missing(rows):
    attack = rows["label"].eq(1).to_numpy()
    random = np.random.default_rng(0)
    made = rows.assign(
        lower=np.where(attack, -5.0, random.normal(size=600)),
        middle=np.where(attack, 0.0, random.choice([-1.0, 1.0], 600)),
        absent=np.where(attack, np.nan, random.normal(size=600)),
        word=np.where(attack, "bad", "good"),
        own=[f"u{at}" for at in range(600)],
    )
    schema = FeatureSchema(("lower", "middle", "absent", "noise", "same"), ("word", "own"))
    alone = auc_alone(made, schema)
    assert min(alone[name] for name in ("lower", "middle", "absent", "word")) > 0.99
    assert max(alone[name] for name in ("noise", "same", "own")) < 0.65
    assert auc_alone(made[~attack], schema) == {}


@settings(deadline=None, max_examples=20)
@given(cuts=st.lists(st.integers(0, 600), max_size=9).map(sorted), most=st.integers(50, 700))
def test_rows_in_pieces_are_described_as_rows_in_one(rows, schema, cuts, most):
    made = rows.assign(
        ts=pd.date_range("2026-03-02", periods=600, freq="min", tz="UTC"),
        id=np.arange(600.0), own=[f"u{at}" for at in range(600)], none=None,
    )  # fmt: skip
    wider = FeatureSchema((*schema.numeric, "id"), (*schema.categorical, "own", "none"))
    pieces = [made.iloc[low:high] for low, high in pairwise([0, *cuts, 600])]
    whole = AllRows.of(made)
    cut = AllRows(lambda names: (piece[list(names or made)] for piece in pieces))
    looked_at = sample(whole, max_rows=most)
    pd.testing.assert_frame_equal(sample(cut, max_rows=most), looked_at)
    about = describe(whole, looked_at, wider)
    assert describe(cut, looked_at, wider) == about
    assert about["empty"] == ["none"]
    suspects = find_suspects(whole, looked_at, wider, about)
    assert find_suspects(cut, looked_at, wider, about) == suspects
    assert {"id", "own"} <= {suspect["column"] for suspect in suspects}


@settings(deadline=None)
@given(
    labels=st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=300),
    most=st.integers(1, 200),
)
def test_a_sample_keeps_order_and_holds_as_many_rows_as_it_may(labels, most):
    rows = pd.DataFrame({"label": pd.array(labels, dtype="Int8"), "at": range(len(labels))})
    taken = sample(AllRows.of(rows), max_rows=most)
    assert len(taken) == min(most, len(rows))
    assert taken["at"].is_monotonic_increasing
    assert taken["at"].is_unique
    attacks = rows["label"].eq(1).sum()
    assert taken["label"].eq(1).sum() >= min(attacks, most // 2)

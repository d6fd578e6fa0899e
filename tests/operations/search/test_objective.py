"""What a search maximises follows from what validation knows: families, attacks, or neither."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from oddwire.detection.model import Model
from oddwire.errors import DataError
from oddwire.operations.search.objective import Objective, make_objective


@pytest.fixture
def rows(make_rows):
    return make_rows(120)


def unlike_each_other(count, seed=3):
    return np.random.default_rng(seed).normal(size=count)


def test_named_families_count_alike_however_many_rows_they_have(rows, schema):
    objective = make_objective(rows, schema, seed=0)
    assert objective.name == "family_roc_auc"
    assert list(objective.rows.columns) == list(schema.columns)
    scores = unlike_each_other(len(rows))
    benign = rows["label"] == 0
    expected = [
        roc_auc_score(~benign[chosen], scores[chosen])
        for family in ("scan", "flood")
        for chosen in [(benign | (rows["attack"] == family)).to_numpy(dtype=bool)]
    ]
    assert objective.value(scores) == pytest.approx(np.mean(expected), abs=1e-12)
    labels = rows["label"].to_numpy(dtype=int)
    expected = average_precision_score(labels, scores)
    assert objective.average_precision(scores) == pytest.approx(expected, abs=1e-12)


def test_rare_families_are_one_kind_together_and_many_families_few_kinds(schema, make_rows):
    rows = make_rows(900, seed=0)
    attack = (rows["label"] == 1).to_numpy()
    names = np.array([f"rare {n}" if n < 12 else "large" for n in range(attack.sum())])
    rows.loc[attack, "attack"] = names
    kinds = make_objective(rows, schema, seed=0).kinds[attack]
    assert set(kinds[names == "large"]) == {0}
    assert set(kinds[names != "large"]) == {1}
    rows.loc[attack, "attack"] = [f"name {n // 10}" for n in range(attack.sum())]
    assert make_objective(rows, schema, seed=0).kinds.max() < 30


@pytest.mark.parametrize("nameless", ["no column", "all missing"])
def test_attacks_without_names_count_by_average_precision(rows, schema, nameless):
    rows = rows.drop(columns="attack")
    if nameless == "all missing":
        rows["attack"] = pd.NA
    objective = make_objective(rows, schema, seed=0)
    assert objective.name == "average_precision"
    scores = unlike_each_other(len(rows))
    expected = average_precision_score(rows["label"].to_numpy(dtype=int), scores)
    assert objective.value(scores) == pytest.approx(expected, abs=1e-12)
    assert objective.average_precision(scores) == objective.value(scores)


def test_rows_without_a_label_are_left_out_where_others_have_one(rows, schema):
    rows.loc[:39, ["label", "attack"]] = pd.NA
    objective = make_objective(rows, schema, seed=0)
    assert objective.name == "family_roc_auc"
    pd.testing.assert_frame_equal(objective.rows, rows.loc[40:, list(schema.columns)])


@pytest.mark.parametrize("known", ["no label column", "no label", "benign alone"])
def test_without_attacks_synthetic_anomalies_take_their_place(rows, schema, known):
    if known == "no label column":
        rows = rows.drop(columns=["label", "attack"])
    elif known == "no label":
        rows[["label", "attack"]] = pd.NA
    else:
        rows = rows[rows["label"] == 0]
    objective = make_objective(rows, schema, seed=0)
    assert objective.name == "synthetic_anomalies_and_shape"
    synthetic = objective.kinds >= 0
    assert (~synthetic).sum() == len(rows)
    assert set(objective.kinds[synthetic]) == {0, 1}  # swapped values and rare categories
    pd.testing.assert_frame_equal(
        objective.rows[~synthetic], rows[list(schema.columns)].reset_index(drop=True)
    )


def test_without_labels_the_shape_of_the_scores_counts_as_one_more_kind(rows, schema):
    benign = rows[rows["label"] == 0]
    objective = make_objective(benign, schema, seed=0)
    params = {"detector__n_estimators": 10}
    model = Model.build(schema, "isolation_forest", params, seed=0).fit(benign)
    scores = model.anomaly_score(objective.rows)
    figures = objective.evaluate(scores, "isolation_forest", params, benign)
    assert figures[:-1] == objective.by_kind(scores)
    assert 0 < figures[-1] <= 1
    constant = benign.assign(**dict.fromkeys(schema.numeric, 1.0), proto="tcp")
    assert make_objective(constant, schema, seed=0).shape is None


def test_synthetic_anomalies_come_from_the_seed_alone(rows, schema):
    benign = rows[rows["label"] == 0]
    first, again, other = (make_objective(benign, schema, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.rows, again.rows)
    assert not first.rows.equals(other.rows)


def test_attacks_alone_leave_nothing_to_evaluate_by(rows, schema):
    with pytest.raises(DataError, match="synthetic anomalies need rows that are not attacks"):
        make_objective(rows[rows["label"] == 1], schema, seed=0)


def test_a_score_that_is_no_number_is_an_error(rows, schema):
    objective = make_objective(rows, schema, seed=0)
    scores = unlike_each_other(len(rows))
    scores[7] = np.nan
    with pytest.raises(DataError, match="finite"):
        objective.value(scores)


@given(
    st.sampled_from(["family_roc_auc", "average_precision"]),
    st.integers(0, 1000),
)
@settings(deadline=None)
def test_the_value_knows_the_order_of_the_scores_alone(name, seed):
    rng = np.random.default_rng(seed)
    kinds = np.concatenate([np.full(30, -1), np.arange(2), rng.integers(0, 2, 8)])
    objective = Objective(name, pd.DataFrame(index=range(40)), kinds)
    scores = rng.normal(size=40)
    value = objective.value(scores)
    assert 0 <= value <= 1
    assert objective.value(np.exp(scores) * 1000) == value
    perfect = np.where(kinds >= 0, 1.0, 0.0) + rng.random(40) / 2
    assert objective.value(perfect) == pytest.approx(1)

"""What a search maximises follows from what validation knows: families, attacks, or nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from oddwire.errors import DataError
from oddwire.operations.search.objective import Objective, make_objective


@pytest.fixture
def rows(make_rows):
    return make_rows(120)


def unlike_each_other(count, seed=3):
    return np.random.default_rng(seed).normal(size=count)


def test_named_families_count_alike_however_many_rows_they_have(rows, schema):
    objective = make_objective(rows, schema)
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
    kinds = make_objective(rows, schema).kinds[attack]
    assert set(kinds[names == "large"]) == {0}
    assert set(kinds[names != "large"]) == {1}
    rows.loc[attack, "attack"] = [f"name {n // 10}" for n in range(attack.sum())]
    assert make_objective(rows, schema).kinds.max() < 30


@pytest.mark.parametrize("nameless", ["no column", "all missing"])
def test_attacks_without_names_count_by_average_precision(rows, schema, nameless):
    rows = rows.drop(columns="attack")
    if nameless == "all missing":
        rows["attack"] = pd.NA
    objective = make_objective(rows, schema)
    assert objective.name == "average_precision"
    scores = unlike_each_other(len(rows))
    expected = average_precision_score(rows["label"].to_numpy(dtype=int), scores)
    assert objective.value(scores) == pytest.approx(expected, abs=1e-12)
    assert objective.average_precision(scores) == objective.value(scores)


def test_rows_without_a_label_are_left_out_where_others_have_one(rows, schema):
    rows.loc[:39, ["label", "attack"]] = pd.NA
    objective = make_objective(rows, schema)
    assert objective.name == "family_roc_auc"
    pd.testing.assert_frame_equal(objective.rows, rows.loc[40:, list(schema.columns)])


@pytest.mark.parametrize("known", ["no label column", "no label", "benign alone", "attacks alone"])
def test_without_labelled_rows_of_both_kinds_nothing_is_maximised(rows, schema, known):
    if known == "no label column":
        rows = rows.drop(columns=["label", "attack"])
    elif known == "no label":
        rows[["label", "attack"]] = pd.NA
    else:
        rows = rows[rows["label"] == (known == "attacks alone")]
    assert make_objective(rows, schema) is None


@pytest.mark.parametrize(("attacks", "measured"), [(1, False), (9, False), (10, True)])
def test_attacks_fewer_than_a_family_needs_are_none(rows, schema, attacks, measured):
    places = np.flatnonzero(rows["label"] == 1)[attacks:]
    rows.loc[places, ["label", "attack"]] = pd.NA
    assert (make_objective(rows, schema) is not None) == measured


def test_a_score_that_is_no_number_is_an_error(rows, schema):
    objective = make_objective(rows, schema)
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

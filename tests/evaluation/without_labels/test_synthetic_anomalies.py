"""Synthetic anomalies are rows made anomalous, for criteria without a label."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.without_labels.synthetic_anomalies import (
    CATEGORY,
    SWAPPED,
    TAIL,
    UNSEEN,
    make_synthetic_anomalies,
)
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(("a", "b", "c", "d"), ("proto",))


@pytest.fixture
def rows():
    """Four numeric columns that go together, and a category."""
    rng = np.random.default_rng(0)
    cause = rng.normal(size=800)
    columns = {name: cause + 0.05 * rng.normal(size=800) for name in "abcd"}
    proto = rng.choice(["tcp", "udp", "icmp"], 800, p=[0.8, 0.19, 0.01])
    return pd.DataFrame({**columns, "proto": proto, "uid": "x"})


def distance_from_line(frame):
    """Score by how little the columns go together: the right detector for these rows."""
    return frame[list("abcd")].std(axis=1)


def test_they_have_the_columns_and_types_of_the_rows(rows):
    made = make_synthetic_anomalies(rows, SCHEMA, seed=1, share=0.25)
    assert made.columns.tolist() == [*SCHEMA.columns, "label", "attack"]
    assert made[list("abcd")].dtypes.eq("float64").all()
    assert made["label"].eq(1).all()
    assert made["attack"].value_counts().to_dict() == {SWAPPED: 100, CATEGORY: 100}


def test_the_seed_decides_and_the_rows_are_left_alone(rows):
    before = rows.copy()
    first = make_synthetic_anomalies(rows, SCHEMA, seed=1)
    assert_frame_equal(first, make_synthetic_anomalies(rows, SCHEMA, seed=1))
    assert not first.equals(make_synthetic_anomalies(rows, SCHEMA, seed=2))
    assert_frame_equal(rows, before)


def test_swapped_rows_hold_ordinary_values_in_a_new_combination(rows):
    made = make_synthetic_anomalies(rows, SCHEMA, seed=1)
    swapped = made[made["attack"] == SWAPPED]
    for name in SCHEMA.columns:
        assert swapped[name].isin(rows[name]).all()
    assert distance_from_line(swapped).median() > 5 * distance_from_line(rows).median()


def test_category_rows_differ_in_one_category_rare_or_unseen(rows):
    made = make_synthetic_anomalies(rows, SCHEMA, seed=1, share=1)
    found = made.loc[made["attack"] == CATEGORY, "proto"].value_counts(normalize=True)
    assert found[UNSEEN] == pytest.approx(0.5, abs=0.1)
    assert found["icmp"] == pytest.approx(1 / 6, abs=0.06)


@pytest.mark.parametrize(
    ("numeric", "categorical", "kinds"),
    [
        (("a",), (), {TAIL}),
        (("a", "b"), (), {TAIL, SWAPPED}),
        ((), ("proto",), {CATEGORY}),
        (tuple("abcd"), (), {SWAPPED}),
    ],
)
def test_narrow_tables_get_the_kinds_that_they_can(rows, numeric, categorical, kinds):
    schema = FeatureSchema(numeric, categorical)
    made = make_synthetic_anomalies(rows, schema, seed=1)
    assert set(made["attack"]) == kinds
    if TAIL in kinds:
        tail = made[made["attack"] == TAIL]
        assert (tail[list(numeric)] > rows[list(numeric)].max()).any(axis=1).all()


def test_rows_labelled_as_attacks_are_not_used(rows):
    labelled = rows.assign(label=pd.array([1, 0, None, 0] * 200, dtype="Int8"))
    labelled.loc[labelled["label"].eq(1).fillna(value=False), list("abcd")] = 1e9
    made = make_synthetic_anomalies(labelled, SCHEMA, seed=1)
    assert made[list("abcd")].abs().max().max() < 1e3


def test_missing_infinite_and_constant_values_are_no_hindrance():
    rows = pd.DataFrame(
        {
            "a": [np.nan, np.inf, 1.0, 1.0],
            "b": [np.nan] * 4,
            "proto": pd.Series([None] * 4, dtype=object),
        }
    )
    schema = FeatureSchema(("a", "b"), ("proto",))
    made = make_synthetic_anomalies(rows, schema, seed=1, share=20)
    assert set(made["attack"]) == {SWAPPED, CATEGORY, TAIL}
    assert made.loc[made["attack"] == CATEGORY, "proto"].eq(UNSEEN).all()


def test_one_row_gives_at_least_one_of_each_kind(rows):
    assert set(make_synthetic_anomalies(rows[:1], SCHEMA, seed=0)["attack"]) == {SWAPPED, CATEGORY}


def test_bad_input_is_named(rows):
    with pytest.raises(ParameterError, match="got 0"):
        make_synthetic_anomalies(rows, SCHEMA, seed=0, share=0)
    with pytest.raises(DataError, match="'b'"):
        make_synthetic_anomalies(rows.drop(columns="b"), SCHEMA, seed=0)
    with pytest.raises(DataError, match="got none among 800"):
        make_synthetic_anomalies(rows.assign(label=1), SCHEMA, seed=0)

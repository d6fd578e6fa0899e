"""A criterion without labels: a score that is low in little space beats one that is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError
from oddwire.evaluation.without_labels.compactness import (
    column_subsets,
    compactness,
    compactness_over_subsets,
    uniform_rows,
)
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(numeric=("a", "b", "constant"), categorical=("proto",))


def rows(count=600, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame({
        "a": random.lognormal(5, 1, size=count),
        "b": random.normal(size=count),
        "constant": 3.0,
        "proto": random.choice(np.array(["tcp", "udp"], dtype=object), size=count),
    })  # fmt: skip


def test_the_figure_is_what_the_formula_says():
    even, box = np.linspace(0, 1, 2001), np.linspace(0, 1, 20_001)
    assert compactness(even, even) == pytest.approx(0.05, abs=1e-3)  # MV(a) = a
    assert compactness(even / 10, box) == pytest.approx(0.905, abs=1e-3)  # MV(a) = a / 10


def test_a_score_that_fits_the_rows_beats_one_that_does_not():
    def fitting(frame):
        return np.abs(np.log1p(frame["a"].to_numpy()) - 5)

    def blind(frame):
        return frame["b"].to_numpy() ** 2 * 0 + np.arange(len(frame)) % 97

    schema = FeatureSchema(numeric=("a", "b"))
    good, bad = (
        compactness_over_subsets(lambda _, score=score: score, rows(), schema, seed=0)
        for score in (fitting, blind)
    )
    assert good > bad


@given(st.integers(0, 1000))
@settings(deadline=None)
def test_it_depends_on_the_order_of_the_scores_alone_and_lies_between_0_and_1(seed):
    random = np.random.default_rng(seed)
    ordinary, box = random.normal(size=50), random.normal(1, 2, size=80)
    value = compactness(ordinary, box)
    assert compactness(np.exp(ordinary), np.exp(box)) == value
    assert -1e-9 <= value <= 1 + 1e-9
    assert compactness(ordinary, box + 10) == pytest.approx(1)
    assert compactness(ordinary, box - 20) == pytest.approx(0)


def test_scores_must_be_there_and_finite():
    with pytest.raises(DataError, match="got none"):
        compactness(np.empty(0), np.ones(3))
    with pytest.raises(DataError, match="got none"):
        compactness(np.ones(3), np.empty(0))
    with pytest.raises(DataError, match="finite"):
        compactness(np.array([1.0, np.nan]), np.ones(3))


def test_sets_hold_columns_that_vary_and_come_from_the_seed(monkeypatch):
    assert column_subsets(rows(), SCHEMA, seed=0) == 5 * [FeatureSchema(("a", "b"), ("proto",))]
    monkeypatch.setattr("oddwire.evaluation.without_labels.compactness._MOST_COLUMNS", 2)
    first, again, other = (column_subsets(rows(), SCHEMA, seed=s) for s in (1, 1, 2))
    assert first == again != other
    for chosen in first:
        assert len(chosen.columns) == 2
        assert set(chosen.columns) <= {"a", "b", "proto"}
        assert set(chosen.numeric) <= set(SCHEMA.numeric)


def test_sets_need_a_column_that_varies():
    with pytest.raises(DataError, match="column that varies"):
        column_subsets(rows().assign(a=1.0, b=1.0, proto="tcp"), SCHEMA, seed=0)


def test_uniform_rows_fill_the_box_evenly_along_the_logarithm():
    frame = rows().assign(a=np.linspace(-(np.e**4 - 1), np.e**4 - 1, 600))
    frame.loc[0, "b"], frame.loc[1, "b"], frame.loc[2, "proto"] = np.nan, np.inf, None
    drawn = uniform_rows(frame, SCHEMA, 4000, seed=0)
    assert list(drawn) == list(SCHEMA.columns)
    bent = np.sign(drawn["a"]) * np.log1p(drawn["a"].abs())
    np.testing.assert_allclose(np.histogram(bent, 4, (-4, 4))[0] / 4000, 0.25, atol=0.03)
    assert drawn["b"].between(frame["b"].min(), 10).all()
    np.testing.assert_allclose(drawn["constant"], 3.0)
    assert drawn["proto"].value_counts(normalize=True)["tcp"] == pytest.approx(0.5, abs=0.03)
    pd.testing.assert_frame_equal(drawn, uniform_rows(frame, SCHEMA, 4000, seed=0))
    assert not drawn.equals(uniform_rows(frame, SCHEMA, 4000, seed=1))


@pytest.mark.parametrize("column", ["a", "proto"])
def test_a_box_needs_a_value_in_every_column(column):
    empty = np.nan if column == "a" else None
    with pytest.raises(DataError, match=f"column '{column}' has none"):
        uniform_rows(rows().assign(**{column: empty}), SCHEMA, 3, seed=0)

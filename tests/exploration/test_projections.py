"""Rows on maps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.exploration.projections import Maps, as_matrix, place_on_maps
from oddwire.traffic.schema import FeatureSchema


def test_a_map_is_of_ranks_and_frequent_categories_whatever_the_values():
    rows = pd.DataFrame(
        {
            "a": [1.0, 1e300, np.inf, np.nan],
            "b": pd.array([None] * 4, dtype=object),
            "c": ["x", None, "y", "x"],
        }
    )
    matrix, names = as_matrix(rows, FeatureSchema(("a", "b"), ("c",)))
    assert names == ["a", "b", "c", "c"]
    assert matrix[:, 0].tolist() == pytest.approx([1 / 3, 2 / 3, 1, 0.5])
    assert matrix[:, 1].tolist() == [0.5] * 4
    assert matrix[:, 2:].tolist() == [[1, 0], [0, 0], [0, 1], [1, 0]]


def test_a_map_repeats_sets_groups_apart_and_names_what_weighs():
    random = np.random.default_rng(0)
    matrix = random.normal(size=(80, 4)) * [0.1, 0.1, 0.1, 0.0]
    matrix[40:, 1] += 5
    names = ["a", "b", "c", "same"]
    maps = place_on_maps(matrix, names, seed=1)
    assert isinstance(maps, Maps)
    assert maps.leading[0][0] == "b"
    assert maps.explained[0] > 0.9
    for places in (maps.principal, maps.neighbours):
        apart = np.linalg.norm(places[:40].mean(axis=0) - places[40:].mean(axis=0))
        assert apart > 2 * places[:40].std()
    assert np.array_equal(maps.neighbours, place_on_maps(matrix, names, seed=1).neighbours)


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        (np.zeros((50, 0)), "two columns that vary, got 0"),
        (np.arange(50.0)[:, None], "two columns that vary, got 1"),
        (np.eye(5), "needs 20 rows, got 5"),
    ],
)
def test_where_no_map_can_be_drawn_it_is_said_why(matrix, why):
    assert why in place_on_maps(matrix, ["a"] * matrix.shape[1], seed=0)


def test_many_equal_rows_make_a_map():
    maps = place_on_maps(np.repeat([[0.0, 1.0], [1.0, 0.0]], 30, axis=0), ["a", "b"], seed=0)
    assert np.isfinite(maps.neighbours).all()

"""Which columns tell attacks from benign rows, by rows that evaluate no trial."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.model import Model
from oddwire.detection.preprocessing.table import TablePreprocessor
from oddwire.errors import ParameterError
from oddwire.operations.search.column_selection import rank_columns, split_validation
from oddwire.operations.search.objective import make_objective
from oddwire.operations.search.plans import StudyPlan
from oddwire.operations.search.studies import run_study
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(("noise", "telling", "empty"), ("colour", "proto"))


def table(rows=400, seed=0):
    random = np.random.default_rng(seed)
    label = random.random(rows) < 0.5
    return pd.DataFrame({
        "noise": random.normal(size=rows),
        "telling": random.normal(size=rows) + 3 * label,
        "empty": np.full(rows, np.nan),
        "colour": random.choice(["red", "blue"], rows),
        "proto": np.where(random.random(rows) < 0.2, "tcp", np.where(label, "udp", "icmp")),
        "label": label.astype(int),
    })  # fmt: skip


def test_the_rows_that_rank_columns_evaluate_no_trial():
    rows = table(401)
    family = np.where(np.arange(401) % 7, "scan", "rare")
    rows["attack"] = np.where(rows["label"] == 1, family, None)
    rows["label"] = rows["label"].astype("Int8").where(np.arange(401) % 5 > 0)
    strata = rows["attack"].fillna("benign").where(rows["label"].notna(), "unlabelled")
    ranking, evaluation = split_validation(rows, seed=3)
    assert sorted([*ranking.index, *evaluation.index]) == list(range(401)), "each row in one half"
    for half in (ranking, evaluation):
        assert half.index.is_monotonic_increasing
        pd.testing.assert_frame_equal(half, rows.loc[half.index])
    for stratum in ("benign", "unlabelled", "rare", "scan"):
        counts = [(strata[half.index] == stratum).sum() for half in (ranking, evaluation)]
        assert abs(counts[0] - counts[1]) <= 1, "halved on its own"
    again, other = (split_validation(rows, seed=seed)[0] for seed in (3, 4))
    assert again.index.equals(ranking.index)
    assert not other.index.equals(ranking.index)


def test_rows_without_labels_are_halved_too():
    rows = table(9).drop(columns="label")
    assert [len(half) for half in split_validation(rows, seed=0)] == [5, 4]


@pytest.mark.parametrize("method", ["mutual_information", "permutation"])
def test_important_columns_come_first(method):
    ranking = rank_columns(table(), SCHEMA, method=method, seed=0)
    assert set(ranking) == set(SCHEMA.columns)
    assert set(list(ranking)[:2]) == {"telling", "proto"}
    assert list(ranking.values()) == sorted(ranking.values(), reverse=True)
    assert ranking == rank_columns(table(), SCHEMA, method=method, seed=0)


@pytest.mark.parametrize("method", ["mutual_information", "permutation"])
def test_a_name_that_is_unique_to_each_row_has_no_importance(method):
    rows = table().assign(uid=[f"C{number}" for number in range(400)])
    schema = FeatureSchema(SCHEMA.numeric, (*SCHEMA.categorical, "uid"))
    ranking = rank_columns(rows, schema, method=method, seed=0)
    assert set(list(ranking)[:2]) == {"telling", "proto"}


@pytest.mark.parametrize("rows", [table().query("label == 0"), table().drop(columns="label")])
def test_without_attacks_there_is_nothing_to_rank_by(rows):
    with pytest.raises(ParameterError, match=r"feature_selection needs 10 .* set it to none"):
        rank_columns(rows, SCHEMA, method="mutual_information", seed=0)


def test_infinite_and_missing_numbers_do_no_harm():
    rows = table()
    rows.loc[:5, "noise"] = [np.inf, -np.inf, np.nan, 0, 0, 0]
    assert np.isfinite(
        list(rank_columns(rows, SCHEMA, method="mutual_information", seed=0).values())
    ).all()


def test_only_the_chosen_columns_reach_the_matrix():
    rows = table()
    given = (SCHEMA.numeric, SCHEMA.categorical)
    chosen = TablePreprocessor(*given, columns=["telling", "proto"]).fit(rows)
    assert set(chosen.source_columns_) == {"telling", "proto"}
    changed = rows.assign(noise=1e9, colour="green")
    np.testing.assert_array_equal(chosen.transform(rows), chosen.transform(changed))
    with pytest.raises(ParameterError, match="must be feature columns, got 'label'"):
        TablePreprocessor(*given, columns=["label"]).fit(rows)


@pytest.mark.usefixtures("small_forest")
def test_a_study_chooses_how_many_columns_and_keeps_their_names(tmp_path):
    rows = table()
    train = rows[rows["label"] == 0].drop(columns="label")
    ranking = tuple(rank_columns(rows, SCHEMA, method="mutual_information", seed=0))
    plan = StudyPlan("desk", "isolation_forest", 8, 60, 0, "data", ranking)
    objective = make_objective(rows, SCHEMA)
    study = run_study(plan, train, objective, SCHEMA, folder=tmp_path)
    kept = [trial.parameters.get("preprocessing__columns") for trial in study.trials]
    assert kept[0] is None, "the defaults come first, with every column"
    cut = [columns for columns in kept if columns]
    assert cut, "some trial uses fewer columns"
    for columns in cut:
        assert tuple(columns) == ranking[: len(columns)]
    model = Model.build(SCHEMA, "isolation_forest", study.parameters, seed=0).fit(train)
    model.calibrate(train).save(tmp_path / "model")
    again = Model.load(tmp_path / "model")
    np.testing.assert_array_equal(again.anomaly_score(rows), model.anomaly_score(rows))

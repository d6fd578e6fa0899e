"""Sources of one class, one column or many columns train all the same; what is missing says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml


@pytest.fixture
def train_on(train, bare):
    """A function that trains on a table, and returns the leaderboard's only row."""

    def call(frame, test=None, *, params=None, **block):
        frame.to_csv(bare.root / "rows.csv", index=False)
        block = {"format": "table", "train": "rows.csv", **block}
        if test is not None:
            test.to_csv(bare.root / "later.csv", index=False)
            block["test"] = "later.csv"
        content = yaml.safe_load(bare.params_file.read_text())
        content |= {"sources": {"desk": block}, **(params or {})}
        bare.params_file.write_text(yaml.safe_dump(content))
        made = train()
        (row,) = made.result.leaderboard
        assert made.registry.champion("desk").number == row["model_version"] == "1"
        return row

    return call


def numbers(rows, columns, seed=0):
    values = np.random.default_rng(seed).lognormal(3, 1, (rows, columns)).round(4)
    return pd.DataFrame(values, columns=[f"c{at}" for at in range(columns)])


def test_two_columns_without_labels_and_too_few_values_for_a_threshold(train_on):
    frame = pd.DataFrame({"c0": [1, 2, 3] * 100, "c1": [4, 5, 6] * 100})
    row = train_on(frame, params={"alerts": {"target": {"share_of_rows": 0.0001}}})
    for figure in ("roc_auc", "average_precision", "f1", "recall", "recall_at_fpr"):
        assert row[figure] is None
        assert "label" in row["undefined"][figure]
    assert row["threshold"] is None
    assert "0.0001" in row["undefined"]["threshold"]
    assert "no score raises an alert" in row["undefined"]["threshold"]
    assert row["rows_per_second"] > 0


def test_benign_rows_alone_and_data_issues_in_the_test_part(train_on):
    frame = numbers(300, 2).assign(service=["web", "dns", "ssh"] * 100, verdict="benign")
    later = numbers(100, 2, seed=1).assign(service="web", verdict="benign")
    later.loc[0, "c0"], later.loc[1:2, "c1"] = np.inf, np.nan
    later.loc[3:5, "service"] = "gopher"
    row = train_on(frame, later, label="verdict")
    assert row["roc_auc"] is None
    assert row["undefined"]["roc_auc"]
    assert 0 <= row["false_positive_rate"] <= 1


def test_three_hundred_columns_and_few_rows(train_on):
    frame = numbers(200, 300).assign(verdict=["normal"] * 180 + ["scan"] * 20)
    frame.loc[180:] = frame.loc[180:].assign(**{f"c{at}": 1e6 for at in range(100)})
    row = train_on(frame, label="verdict")
    assert row["roc_auc"] > 0.9, "they stand out in a hundred columns"
    assert row["threshold"] > 0

"""Each attack family is measured apart."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from oddwire.errors import DataError
from oddwire.evaluation.families import UNNAMED, attack_families, evaluate_families


@pytest.fixture
def measured():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 500)
    attack = np.where(labels == 1, rng.choice(["scan", "flood"], 500, p=[0.7, 0.3]), "normal")
    scores = rng.integers(0, 8, 500) + labels * 2.0
    return labels, scores, attack


def test_recall_and_roc_auc_equal_those_of_the_family_alone(measured):
    labels, scores, attack = measured
    got = evaluate_families(labels, scores, attack, threshold=6)
    assert [result.family for result in got] == ["scan", "flood"]
    for result in got:
        rows = attack == result.family
        assert result.rows == rows.sum()
        assert result.detected == (scores[rows] >= 6).sum()
        assert result.recall == pytest.approx(np.mean(scores[rows] >= 6))
        picked = rows | (labels == 0)
        assert result.roc_auc == pytest.approx(roc_auc_score(labels[picked], scores[picked]))


def test_the_frame_has_a_row_per_family_and_fixed_columns(measured):
    columns = [
        "family", "rows", "detected", "recall", "recall_low", "recall_high", "roc_auc", "seen",
    ]  # fmt: skip
    frame = evaluate_families(*measured, threshold=6).to_frame()
    assert frame.columns.tolist() == columns
    assert len(frame) == 2
    empty = evaluate_families([0, 0], [1, 2], None, threshold=1).to_frame()
    assert empty.columns.tolist() == columns
    assert empty.empty


def test_families_of_benign_and_unlabelled_rows_are_not_attacks():
    labels = pd.array([0, 1, None], dtype="Int8")
    got = evaluate_families(labels, [1, 2, 3], ["scan", "flood", "beacon"], threshold=1)
    assert [result.family for result in got] == ["flood"]
    assert got.benign == 1


def test_attacks_without_a_name_count_as_one_family():
    got = evaluate_families([1, 1, 0], [1, 2, 3], [None, np.nan, "x"], threshold=2)
    assert [(result.family, result.rows) for result in got] == [(UNNAMED, 2)]
    assert evaluate_families([1, 0], [1, 2], None, threshold=2).families[0].family == UNNAMED


def test_without_benign_rows_there_is_no_roc_auc():
    got = evaluate_families([1, 1], [1, 2], ["a", "b"], threshold=2)
    assert [result.roc_auc for result in got] == [None, None]
    assert json.loads(json.dumps(got.to_dict()))["families"][1]["recall"] == 1.0


def test_a_family_column_of_another_length_is_an_error():
    with pytest.raises(DataError, match="1 for 2 rows"):
        evaluate_families([1, 0], [1, 2], ["a"], threshold=2)


def test_recall_has_an_exact_interval():
    got = evaluate_families([1] * 10 + [0], [*range(10), 0], ["a"] * 11, threshold=0).families[0]
    assert got.recall == got.recall_high == 1.0
    assert got.recall_low == pytest.approx(0.025 ** (1 / 10))  # Clopper & Pearson, all found


def test_a_family_is_seen_where_validation_held_it():
    seen = attack_families([0, 1, np.nan], ["benign", "scan", "flood"])
    assert seen == {"scan"}
    got = evaluate_families([1, 1, 0], [1, 2, 3], ["scan", "flood", None], threshold=2, seen=seen)
    assert {result.family: result.seen for result in got} == {"scan": True, "flood": False}
    unknown = evaluate_families([1, 0], [1, 2], ["scan", None], threshold=2)
    assert unknown.families[0].seen is None

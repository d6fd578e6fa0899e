"""Metrics agree with scikit-learn, and say why they are missing where they are."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from oddwire.errors import DataError
from oddwire.evaluation.metrics import (
    FIXED_FPRS,
    METRICS,
    NO_ALERT,
    NO_ATTACK,
    NO_BENIGN,
    NO_LABEL,
    Confusion,
    alert_metrics,
    evaluate,
)
from oddwire.evaluation.reports import classification_report

RANKED = {"roc_auc", "average_precision", "recall_at_fpr", *FIXED_FPRS}

# Few distinct scores, so that ties are common; both classes are present.
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=2, max_size=60).filter(
    lambda drawn: len({label for label, _ in drawn}) == 2
)


def split(drawn):
    labels, scores = zip(*drawn, strict=True)
    return np.array(labels), np.array(scores, dtype=float)


@given(rows, st.floats(-4, 4))
@settings(deadline=None, max_examples=50)
def test_metrics_equal_those_of_scikit_learn(drawn, threshold):
    labels, scores = split(drawn)
    got = evaluate(labels, scores, threshold=threshold, alert_p_value=0.1)
    alert = scores >= threshold
    assert got.roc_auc == pytest.approx(reference.roc_auc_score(labels, scores))
    assert got.average_precision == pytest.approx(reference.average_precision_score(labels, scores))
    assert got.accuracy == pytest.approx(reference.accuracy_score(labels, alert))
    assert got.recall == pytest.approx(reference.recall_score(labels, alert))
    assert got.f1 == pytest.approx(reference.f1_score(labels, alert))
    assert tuple(got.confusion) == tuple(reference.confusion_matrix(labels, alert).ravel())
    assert got.false_positive_rate == pytest.approx(np.mean(alert[labels == 0]))
    if alert.any():
        assert got.precision == pytest.approx(reference.precision_score(labels, alert))
    else:
        assert got.precision is None
        assert got.undefined == {"precision": NO_ALERT}


@given(rows, st.floats(0.001, 0.999))
@settings(deadline=None)
def test_recall_at_fpr_is_the_best_recall_of_all_thresholds_within_the_target(drawn, target):
    labels, scores = split(drawn)
    thresholds = [np.inf, *scores]
    within = [
        np.mean(scores[labels == 1] >= threshold)
        for threshold in thresholds
        if np.mean(scores[labels == 0] >= threshold) <= target
    ]
    got = evaluate(labels, scores, threshold=0, alert_p_value=target).recall_at_fpr
    assert got == pytest.approx(max(within))


def test_recall_at_fpr_uses_the_whole_target_and_no_more():
    labels = np.r_[np.zeros(100), np.ones(4)]
    scores = np.r_[np.arange(100.0), 200, 98.5, 97.5, 3.5]
    got = evaluate(labels, scores, threshold=150, alert_p_value=0.01)
    assert got.recall_at_fpr == 0.5  # one false positive in a hundred: the row of score 99
    assert got.false_positive_rate == 0.0


def test_a_score_equal_to_the_threshold_is_an_alert():
    got = evaluate([0, 1], [1.0, 2.0], threshold=2.0, alert_p_value=0.1)
    assert got.recall == 1.0
    assert got.alerts == 1


@pytest.mark.parametrize(
    ("labels", "reason", "defined"),
    [
        ([0, 0, 0], NO_ATTACK, {"accuracy", "false_positive_rate"}),
        ([1, 1, 1], NO_BENIGN, {"accuracy", "recall", "precision", "f1"}),
        ([None, None, None], NO_LABEL, set()),
        (None, NO_LABEL, set()),
    ],
)
def test_metrics_of_one_class_are_none_and_say_why(labels, reason, defined):
    evaluation = evaluate(labels, [0.1, 0.2, 0.3], threshold=0.2, alert_p_value=0.1)
    got = evaluation.to_dict() | evaluation.figures
    names = RANKED | {"accuracy", "false_positive_rate", "recall", "precision", "f1"}
    assert {name for name in names if got[name] is not None} == defined
    assert got["undefined"] == dict.fromkeys(names - defined, reason)
    assert got["alerts"] == 2


@pytest.mark.parametrize(
    "labels",
    [
        pd.array([1, 0, None, 1], dtype="Int8"),
        pd.Series([1.0, 0.0, np.nan, 1.0], index=[9, 8, 7, 6]),
        np.array([1, 0, None, 1], dtype=object),
        [True, False, None, True],
    ],
    ids=["Int8", "float", "object", "bool"],
)
def test_rows_without_a_label_are_left_out_and_counted(labels):
    got = evaluate(labels, [3.0, 1.0, 9.0, 2.0], threshold=2.5, alert_p_value=0.1)
    assert (got.rows, got.attacks, got.unlabelled, got.alerts) == (4, 2, 1, 2)
    assert got.roc_auc == 1.0
    assert got.confusion == (1, 0, 1, 1)
    assert got.attack_share == pytest.approx(2 / 3)


def test_an_evaluation_is_plain_json():
    got = evaluate([0, 1, None], [1, 2, 3], threshold=2, alert_p_value=0.1).to_dict()
    assert json.loads(json.dumps(got, allow_nan=False)) == got


def test_no_rows_at_all_are_no_error():
    got = evaluate([], [], threshold=1, alert_p_value=0.1)
    assert got.rows == 0
    assert got.attack_share is None


@pytest.mark.parametrize(
    ("labels", "scores", "threshold", "words"),
    [
        ([0, 1], [0.0, np.nan], 0, "1 of 2"),
        ([0, 1], [0.0, np.inf], 0, "finite"),
        ([0, 2], [0.0, 1.0], 0, "got 2"),
        ([-1, 1], [0.0, 1.0], 0, "got -1"),
        (["benign", "attack"], [0.0, 1.0], 0, "benign"),
        ([0], [0.0, 1.0], 0, "1 for 2 rows"),
        ([0, 1], [[0.0], [1.0]], 0, r"\(2, 1\)"),
        ([0, 1], [0.0, 1.0], np.nan, "threshold"),
    ],
)
def test_bad_input_is_named(labels, scores, threshold, words):
    with pytest.raises(DataError, match=words):
        evaluate(labels, scores, threshold=threshold, alert_p_value=0.1)


@given(st.lists(st.integers(0, 30), min_size=4, max_size=4).filter(any))
@settings(max_examples=20, deadline=None)
def test_the_classification_report_is_that_of_the_rows(counts):
    labels, alerts = np.repeat([0, 0, 1, 1], counts), np.repeat([0, 1, 0, 1], counts)
    expected = reference.classification_report(
        labels, alerts, labels=[0, 1], target_names=["benign", "attack"], digits=4,
        zero_division=0.0,
    )  # fmt: skip
    # Where every row was evaluated wrongly, scikit-learn writes whole numbers of rows as 3.0.
    expected = re.sub(r"(\d+)\.0$", r"  \1", expected, flags=re.MULTILINE)
    assert classification_report(Confusion(*counts)) == expected


def test_no_labelled_row_has_no_classification_report():
    assert classification_report(Confusion(0, 0, 0, 0)) == f"{NO_LABEL}\n"


def test_recall_is_read_off_at_fixed_rates_whatever_the_target():
    labels = np.r_[np.zeros(1000), np.ones(4)]
    scores = np.r_[np.arange(1000.0), 2000, 998.5, 989.5, 949.5]
    got = evaluate(labels, scores, threshold=0, alert_p_value=0.5)
    assert list(got.figures) == list(METRICS)
    assert dict(got.recalls_at_fpr) == {
        "recall_at_fpr_0.001": 0.5, "recall_at_fpr_0.01": 0.75, "recall_at_fpr_0.05": 1.0,
    }  # fmt: skip


def test_metrics_of_many_counts_are_those_of_each():
    counts = np.array([[5, 1, 2, 3], [4, 0, 3, 0], [0, 0, 2, 1]]).T
    together = alert_metrics(*counts)
    for at, one in enumerate(counts.T):
        alone = alert_metrics(*one)
        for name, values in together.items():
            assert values[at] == pytest.approx(float(alone[name]), nan_ok=True)
    assert np.isnan(together["precision"][1])
    assert np.isnan(together["false_positive_rate"][2])


def test_a_million_rows_take_seconds():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 10**6), rng.normal(size=10**6)
    assert evaluate(labels, scores, threshold=0, alert_p_value=0.01).rows == 10**6

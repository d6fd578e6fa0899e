"""The paired bootstrap is scikit-learn's metric under weights, and tells chance from merit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.uncertainty.comparing import paired_alerts, paired_rankings
from oddwire.evaluation.uncertainty.resampling import (
    RANKING_METRICS,
    WeightedRanking,
    affordable_resamples,
)

REFERENCE = {"average_precision": average_precision_score, "roc_auc": roc_auc_score}


def rows(count=2000, seed=0):
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.2).astype(int)
    good = rng.normal(size=count) + 2 * labels
    return labels, good, good + 1.5 * rng.normal(size=count)


def paired_bootstrap(labels, challenger, champion, metric="average_precision", **options):
    (difference,) = paired_rankings(labels, challenger, champion, metrics=(metric,), **options)
    return difference


@given(st.integers(0, 10**6), st.sampled_from(sorted(REFERENCE)))
@settings(deadline=None)
def test_a_weighted_metric_equals_that_of_scikit_learn(seed, metric):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, 40)]
    scores = rng.integers(0, 12, 42).astype(float)
    weights = np.r_[1, 1, rng.integers(0, 4, 40)].astype(float)
    got = RANKING_METRICS[metric](WeightedRanking(labels == 1, scores).curve(weights))
    assert got == pytest.approx(REFERENCE[metric](labels, scores, sample_weight=weights))


@pytest.mark.parametrize("metric", sorted(REFERENCE))
def test_the_estimate_is_the_plain_difference_and_lies_in_the_interval(metric):
    labels, good, poor = rows()
    got = paired_bootstrap(labels, good, poor, metric=metric, seed=3)
    expected = REFERENCE[metric](labels, good) - REFERENCE[metric](labels, poor)
    assert got.estimate == pytest.approx(expected)
    assert 0 < got.low < got.estimate < got.high
    assert got.share_better == 1.0


def test_equal_rankings_differ_by_exactly_nothing():
    labels, good, _ = rows()
    got = paired_bootstrap(labels, good, np.exp(good), seed=1)
    assert (got.estimate, got.low, got.high, got.share_better) == (0, 0, 0, 0)


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_swapping_the_two_turns_the_interval_round(seed):
    labels, good, poor = rows(300, seed)
    there = paired_bootstrap(labels, good, poor, resamples=50, seed=seed)
    back = paired_bootstrap(labels, poor, good, resamples=50, seed=seed)
    assert (there.estimate, there.low, there.high) == pytest.approx(
        (-back.estimate, -back.high, -back.low)
    )


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # Two detectors of equal merit: the true difference is nought.
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        labels = np.repeat([0, 1], [150, 50])
        first, second = rng.normal(size=(2, 200)) + 1.2 * labels
        got = paired_bootstrap(labels, first, second, metric="roc_auc", confidence=0.9, seed=seed)
        covered += got.low <= 0 <= got.high
    assert 0.8 <= covered / 60 <= 0.98


def test_the_seed_decides_the_draws():
    labels, good, poor = rows(400)
    first = paired_bootstrap(labels, good, poor, seed=1)
    assert first == paired_bootstrap(labels, good, poor, seed=1)
    assert first.low != paired_bootstrap(labels, good, poor, seed=2).low


def test_rows_without_a_label_are_left_out():
    labels, good, poor = rows(400)
    some = labels.astype(float)
    some[::3] = np.nan
    known = ~np.isnan(some)
    got = paired_bootstrap(some, good, poor, seed=1)
    assert got == paired_bootstrap(labels[known], good[known], poor[known], seed=1)


def test_a_wider_confidence_gives_a_wider_interval():
    labels, good, poor = rows(400)
    narrow, wide = (
        paired_bootstrap(labels, good, poor, confidence=confidence, seed=1)
        for confidence in (0.5, 0.99)
    )
    assert wide.low < narrow.low < narrow.high < wide.high
    assert wide.to_dict()["confidence"] == 0.99


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"labels": [1, 1, None]}, DataError, "both classes"),
        ({"labels": [0, 0, 0]}, DataError, "both classes"),
        ({"champion": [1.0, 2.0]}, DataError, "3 and 2"),
        ({"champion": [1.0, 2.0, np.nan]}, DataError, "finite"),
        ({"metric": "f1"}, ParameterError, "'f1'"),
        ({"resamples": 0}, ParameterError, "got 0"),
        ({"confidence": 1.0}, ParameterError, r"got 1\.0"),
    ],
)
def test_bad_input_is_named(options, error, words):
    given_ = {"labels": [0, 1, 1], "challenger": [1.0, 2.0, 3.0], "champion": [1.0, 2.0, 3.0]}
    with pytest.raises(error, match=words):
        paired_bootstrap(**(given_ | options))


def test_several_metrics_share_their_draws_with_one_at_a_time():
    labels, good, poor = rows(400)
    metrics = ("roc_auc", "average_precision", "recall_at_fpr_0.05")
    together = paired_rankings(labels, good, poor, metrics=metrics, resamples=50, seed=4)
    assert [each.metric for each in together] == list(metrics)
    for each in together:
        assert each == paired_bootstrap(
            labels, good, poor, metric=each.metric, resamples=50, seed=4
        )


def test_alerts_are_compared_at_each_detectors_own_threshold():
    labels, good, poor = rows(4000)
    ahead, behind = good >= 1, poor >= 2
    got = {each.metric: each for each in paired_alerts(labels, ahead, behind, seed=2)}
    assert set(got) == {"f1", "precision", "recall", "false_positive_rate", "accuracy"}
    assert got["f1"].challenger == pytest.approx(f1_score(labels, ahead))
    assert got["f1"].estimate == pytest.approx(f1_score(labels, ahead) - f1_score(labels, behind))
    for each in got.values():
        assert each.low <= each.estimate <= each.high
    # More false alarms are worse, though their rate is higher.
    assert got["false_positive_rate"].low > 0
    assert got["false_positive_rate"].share_better == 0.0


def f1(attack, alert):
    return 2 * np.sum(attack & alert) / (attack.sum() + alert.sum())


def test_drawing_counts_is_the_same_as_drawing_rows():
    labels, good, poor = rows(600)
    ahead, behind = good >= 1, poor >= 1
    rng = np.random.default_rng(0)
    classes = [np.flatnonzero(labels == label) for label in (0, 1)]
    drawn = []
    for _ in range(2000):
        picked = np.concatenate([rng.choice(members, len(members)) for members in classes])
        again = labels[picked] == 1
        drawn.append(f1(again, ahead[picked]) - f1(again, behind[picked]))
    got = next(iter(paired_alerts(labels, ahead, behind, resamples=5000, seed=1)))
    assert got.metric == "f1"
    assert (got.low, got.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.01)


def test_equal_alerts_differ_by_nothing_and_none_at_all_have_no_precision():
    labels, good, _ = rows(400)
    for each in paired_alerts(labels, good >= 1, good >= 1):
        assert (each.estimate, each.low, each.high, each.share_better) == (0, 0, 0, 0)
    silent = paired_alerts(labels, good >= 1, good >= np.inf)
    assert "precision" not in {each.metric for each in silent}
    with pytest.raises(DataError, match="400 and 399"):
        paired_alerts(labels, good >= 1, good[1:] >= 1)


def test_resamples_of_many_rows_are_fewer_but_enough_for_an_interval():
    assert affordable_resamples(22_544) == 200
    assert affordable_resamples(0) == 200
    assert affordable_resamples(100_000) == 100
    assert affordable_resamples(10**8) == 50

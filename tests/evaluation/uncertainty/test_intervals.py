"""Intervals cover the truth about as often as they say, and hold the figure they are of."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.metrics import METRICS, NO_ATTACK, NO_LABEL, evaluate
from oddwire.evaluation.uncertainty.intervals import (
    bootstrap_intervals,
    chance_band,
    exact_interval,
)


def rows(count=1500, seed=0, merit=1.5, share=0.2):
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) < share * count).astype(int)
    return labels, rng.normal(size=count) + merit * labels


def measured(labels, scores, threshold=1.0, **options):
    evaluation = evaluate(labels, scores, threshold=threshold, alert_p_value=0.02)
    return evaluation, bootstrap_intervals(labels, scores, evaluation, **options)


def test_every_metric_has_an_interval_around_it():
    evaluation, intervals = measured(*rows())
    assert set(intervals.bounds) == set(METRICS)
    for name, value in evaluation.figures.items():
        low, high = intervals.bounds[name]
        assert 0 <= low < high <= 1, name
        assert low <= value <= high, name


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, None]), st.integers(-3, 3)), max_size=40),
    st.integers(0, 10**6),
)
@settings(deadline=None, max_examples=60)
def test_whatever_the_rows_an_interval_stands_where_the_figure_does(drawn, seed):
    labels = [label for label, _ in drawn]
    scores = np.array([score for _, score in drawn], dtype=float)
    evaluation, intervals = measured(labels, scores, resamples=20, seed=seed)
    for name, value in evaluation.figures.items():
        bound = intervals.bounds.get(name)
        assert (bound is None) <= (name in intervals.undefined)
        if value is None:
            assert bound is None
            assert intervals.undefined[name] == evaluation.undefined[name]
        elif bound is not None:
            assert 0 <= bound.low <= bound.high <= 1


def test_the_intervals_cover_the_truth_about_as_often_as_they_say():
    # Normal scores one standard deviation and a half apart: the truth is known.
    truth = {
        "roc_auc": stats.norm.cdf(1.5 / np.sqrt(2)),
        "recall": stats.norm.sf(1.0 - 1.5),
        "false_positive_rate": stats.norm.sf(1.0),
    }
    covered = dict.fromkeys(truth, 0)
    for seed in range(80):
        _, intervals = measured(*rows(400, seed), resamples=100, confidence=0.9, seed=seed)
        for name, value in truth.items():
            covered[name] += intervals.bounds[name].low <= value <= intervals.bounds[name].high
    for name, hits in covered.items():
        assert hits / 80 >= 0.8, name
        assert hits / 80 < 1, name


def test_drawing_counts_gives_the_interval_of_drawing_rows():
    labels, scores = rows(400)
    rng = np.random.default_rng(1)
    classes = [np.flatnonzero(labels == label) for label in (0, 1)]
    picked = (rng.choice(members, (2000, len(members))) for members in classes)
    false_alarms, found = ((scores[chosen] >= 1.0).sum(axis=1) for chosen in picked)
    drawn = 2 * found / (found + false_alarms + len(classes[1]))
    _, intervals = measured(labels, scores, resamples=5000)
    assert intervals.bounds["f1"] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.01)


def test_a_rate_of_nought_is_not_certain():
    """The bootstrap would say 0 to 0 of a hundred rows without a false alarm."""
    labels, scores = [0] * 100 + [1] * 5, [0.0] * 100 + [1.0] * 5
    evaluation, intervals = measured(labels, scores, threshold=0.5)
    assert evaluation.false_positive_rate == 0
    low, high = intervals.bounds["false_positive_rate"]
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 100))


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(deadline=None)
def test_the_exact_interval_holds_the_share_and_turns_round_with_it(counts):
    hits, count = counts
    low, high = exact_interval(hits, count)
    assert 0 <= low <= hits / count <= high <= 1
    other = exact_interval(count - hits, count)
    assert (1 - other.high, 1 - other.low) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(("hits", "count"), [(0, 0), (3, 2), (-1, 4)])
def test_a_share_of_nothing_is_named(hits, count):
    with pytest.raises(DataError, match=f"got {hits} of {count}"):
        exact_interval(hits, count)


def test_the_seed_decides_and_more_confidence_is_wider():
    given_ = rows(400)
    _, first = measured(*given_, seed=1)
    assert first == measured(*given_, seed=1)[1]
    assert first != measured(*given_, seed=2)[1]
    _, narrow = measured(*given_, confidence=0.5, seed=1)
    _, wide = measured(*given_, confidence=0.99, seed=1)
    for name in METRICS:
        assert wide.bounds[name].low <= narrow.bounds[name].low, name
        assert wide.bounds[name].high >= narrow.bounds[name].high, name


@pytest.mark.parametrize(("labels", "reason"), [([0, 0], NO_ATTACK), (None, NO_LABEL)])
def test_what_is_undefined_says_why(labels, reason):
    _, intervals = measured(labels, [0.0, 2.0])
    assert intervals.bounds.get("roc_auc") is None
    assert intervals.undefined["roc_auc"] == reason


def test_they_are_plain_json():
    _, intervals = measured(*rows(300), resamples=20)
    plain = intervals.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["resamples"] == 20
    assert plain["bounds"]["roc_auc"]["low"] == intervals.bounds["roc_auc"].low


@pytest.mark.parametrize("options", [{"resamples": 0}, {"confidence": 0.0}, {"confidence": 1.0}])
def test_bad_options_are_named(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        measured(*rows(50), **options)


@pytest.mark.parametrize(("target", "calibrated"), [(0.01, 199), (0.01, 8000), (0.1, 49)])
def test_a_threshold_by_calibration_rows_keeps_within_the_band_of_chance(target, calibrated):
    rng = np.random.default_rng(5)
    taken = round(target * (calibrated + 1))
    # Of uniform scores, the share beyond a threshold is 1 less the threshold.
    true = [1 - np.partition(rng.random(calibrated), -taken)[-taken] for _ in range(4000)]
    observed = rng.binomial(5000, true) / 5000
    low, high = chance_band(np.array([target]), 5000, calibrated)
    assert 0.01 < np.mean(observed > high) < 0.04
    assert 0.01 < np.mean(observed < low) < 0.04

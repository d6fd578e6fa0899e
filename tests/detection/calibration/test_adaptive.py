"""A threshold follows slow drift of benign scores, and no burst of attacks lifts it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.detection.calibration.adaptive import AdaptiveThreshold
from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.errors import ModelError, ParameterError

WINDOW = 2000
STEP = WINDOW // 20
LAWS = {
    "exponential": lambda r, n: r.exponential(size=n),
    "normal": lambda r, n: r.normal(size=n),
    "log-normal": lambda r, n: r.lognormal(size=n),
    "pareto": lambda r, n: r.pareto(3, size=n),
    "beta": lambda r, n: 0.2 * r.beta(2, 5, size=n),
}


def benign(n, seed=0, law="exponential"):
    return LAWS[law](np.random.default_rng(seed), n)


def begin(alert_p_value=0.01, *, law="exponential", window=WINDOW, rows=4000, max_move=0.5):
    calibration = ConformalCalibration.fit(benign(rows, seed=99, law=law))
    made = AdaptiveThreshold(calibration, alert_p_value, window=window, max_move=max_move)
    return calibration, made


def reach(calibration, threshold):
    """The unit of `max_move`: from the median of the calibration scores to the threshold."""
    return threshold - np.median(calibration.scores)


# --- follows drift ---


def test_it_begins_with_the_models_threshold():
    calibration, adaptive = begin(0.02)
    assert adaptive.threshold == calibration.threshold(0.02)


@pytest.mark.parametrize(
    ("law", "alert_p_value"), [*((law, 0.01) for law in sorted(LAWS)), ("exponential", 0.05)]
)
@pytest.mark.parametrize("drift", ["none", "up", "down", "wider", "narrower"])
def test_the_rate_holds_while_benign_scores_drift(law, alert_p_value, drift):
    rows = 30 * WINDOW
    way = np.arange(rows) / rows
    sd = benign(10_000, seed=5, law=law).std()
    place = {"up": 3 * sd * way, "down": -3 * sd * way}.get(drift, 0 * way)
    width = {"wider": 1 + 2 * way, "narrower": 1 - way / 2}.get(drift, 1 + 0 * way)
    stream = place + width * benign(rows, seed=1, law=law)
    calibration, adaptive = begin(alert_p_value, law=law)
    alerts, _ = adaptive.update(stream)
    later = alerts[rows // 2 :].mean()
    # The threshold of the calibration rows is itself off by some, whichever way the stream goes.
    expected = (benign(300_000, seed=2, law=law) >= calibration.threshold(alert_p_value)).mean()
    assert expected / 2.5 < later < 2.5 * expected
    if drift in {"up", "wider"}:
        fixed = (stream[rows // 2 :] >= calibration.threshold(alert_p_value)).mean()
        assert fixed > 3 * max(expected, later) / 2.5, "a fixed threshold does not keep it"


def test_it_stays_where_it_is_while_nothing_drifts():
    calibration, adaptive = begin(0.01)
    _, thresholds = adaptive.update(benign(40 * WINDOW, seed=3))
    off = np.abs(thresholds - calibration.threshold(0.01))
    assert off.max() < 0.25 * reach(calibration, calibration.threshold(0.01))


def test_scores_that_become_one_number_are_no_alerts():
    _, adaptive = begin(0.01)
    alerts, _ = adaptive.update(np.full(100 * WINDOW, 0.7))
    assert not alerts.any()
    assert adaptive.threshold > 0.7


def test_calibration_scores_that_are_nearly_all_one_number_give_a_threshold_that_moves_as_one():
    scores = np.append(np.zeros(900), np.random.default_rng(0).exponential(size=100))
    adaptive = AdaptiveThreshold(ConformalCalibration.fit(scores), 0.02, window=WINDOW)
    random = np.random.default_rng(1)
    stream = np.where(random.random(20 * WINDOW) < 0.9, 0, random.exponential(size=20 * WINDOW))
    alerts, _ = adaptive.update(stream + np.linspace(0, 2, stream.size))
    assert 0.005 < alerts.mean() < 0.06


# --- is not lifted ---


@settings(deadline=None, max_examples=40)
@given(
    share=st.floats(0.01, 0.3),
    begins=st.integers(0, 3 * WINDOW),
    size=st.floats(0, 1e300),
    alert_p_value=st.sampled_from([0.001, 0.01, 0.05, 0.1]),
    together=st.booleans(),
)
def test_a_burst_of_scores_of_any_size_does_not_lift_it(
    share, begins, size, alert_p_value, together
):
    """Up to 30 % of a window, at or above the threshold, at once or among benign connections."""
    calm = benign(5 * WINDOW, seed=4)
    attacks = np.full(round(share * WINDOW), 100 + size)
    at = np.full(attacks.size, begins)
    if not together:
        at = begins + np.random.default_rng(0).integers(0, WINDOW, size=attacks.size)
    _, without = begin(alert_p_value)
    calibration, adaptive = begin(alert_p_value)
    _, expected = without.update(calm)
    alerts, thresholds = adaptive.update(np.insert(calm, at, attacks))
    unit = reach(calibration, calibration.threshold(alert_p_value))
    # The few marks let in are a twentieth of the window: they move its median a little.
    assert thresholds.max() <= expected.max() + 0.25 * unit
    assert alerts.sum() >= attacks.size, "and all of the burst is an alert"


@settings(deadline=None, max_examples=60)
@given(
    parts=st.lists(
        st.tuples(st.integers(1, 700), st.floats(allow_nan=False)), min_size=1, max_size=12
    ),
    max_move=st.floats(0.01, 2),
)
def test_whatever_comes_it_moves_no_faster_than_its_bound(parts, max_move):
    calibration, adaptive = begin(0.01, window=200, rows=300, max_move=max_move)
    first = adaptive.threshold
    unit = reach(calibration, first)
    stream = np.concatenate([np.full(n, value) for n, value in parts])
    alerts, thresholds = adaptive.update(stream)
    assert np.isfinite(thresholds).all()
    np.testing.assert_array_equal(alerts, stream >= thresholds)
    steps = np.abs(np.diff(thresholds, prepend=first))
    assert steps.max() <= max_move * unit / 20 * (1 + 1e-9) + 1e-9
    passed = math.ceil(stream.size / 10)
    assert abs(adaptive.threshold - first) <= passed * max_move * unit / 20 * (1 + 1e-9) + 1e-9


def test_the_size_of_an_attack_does_nothing():
    calm = benign(4 * WINDOW, seed=6)
    ends = []
    for size in (50.0, 1e6, np.inf):
        _, adaptive = begin(0.01)
        adaptive.update(np.insert(calm, WINDOW, np.full(300, size)))
        ends.append(adaptive.threshold)
    assert ends[0] == ends[1] == ends[2]


def test_after_a_burst_it_is_back():
    calm = benign(10 * WINDOW, seed=7)
    _, without = begin(0.01)
    calibration, adaptive = begin(0.01)
    without.update(calm)
    adaptive.update(np.insert(calm, WINDOW, np.full(WINDOW * 3 // 10, 1e9)))
    unit = reach(calibration, calibration.threshold(0.01))
    assert adaptive.threshold == pytest.approx(without.threshold, abs=0.1 * unit)


def test_scores_just_below_the_threshold_lift_it_no_faster_than_its_bound():
    """Who knows the threshold can poison the window; the bound is what is left."""
    calibration, adaptive = begin(0.01, max_move=0.2)
    first, unit = adaptive.threshold, reach(calibration, adaptive.threshold)
    calm = iter(benign(10**6, seed=8))
    for step in range(1, 101):
        sly = np.nextafter(adaptive.threshold, -np.inf)
        adaptive.update([next(calm) if k % 10 < 7 else sly for k in range(STEP)])
        assert adaptive.threshold <= first + step * 0.2 * unit / 20 * (1 + 1e-9)


def test_a_jump_goes_on_raising_alerts():
    _, adaptive = begin(0.01)
    before, _ = adaptive.update(benign(5 * WINDOW, seed=9))
    assert before[-WINDOW:].mean() < 0.05
    after, _ = adaptive.update(100 + benign(5 * WINDOW, seed=10))
    assert after[-WINDOW:].mean() > 0.9


# --- is one thing, however it is fed ---


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(0, 3000), max_size=12))
def test_how_the_stream_is_cut_into_batches_does_not_matter(cuts):
    stream = benign(3000, seed=11) + np.linspace(0, 2, 3000)
    _, whole = begin(0.02, window=1000)
    _, pieces = begin(0.02, window=1000)
    expected, thresholds = whole.update(stream)
    got = [pieces.update(part) for part in np.split(stream, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate([alerts for alerts, _ in got]), expected)
    np.testing.assert_array_equal(np.concatenate([limits for _, limits in got]), thresholds)


def test_a_score_that_is_no_number_is_refused_and_nothing_taken_in():
    _, untouched = begin(0.01)
    _, adaptive = begin(0.01)
    with pytest.raises(ModelError, match="NaN in row 99"):
        adaptive.update([*[9.0] * (STEP - 1), np.nan])
    assert [part.shape for part in adaptive.update([])] == [(0,), (0,)]
    stream = benign(5 * STEP, seed=12)
    np.testing.assert_array_equal(adaptive.update(stream), untouched.update(stream))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alert_p_value": 0}, "alert_p_value above 0 and up to 0.1, got 0"),
        ({"alert_p_value": 0.2}, "alert_p_value above 0 and up to 0.1, got 0.2"),
        ({"window": 50}, "window must be at least 100 scores, got 50"),
        ({"max_move": 0}, "max_move must be a finite number above 0, got 0"),
        ({"max_move": math.inf}, "max_move"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        begin(**options)


def test_calibration_rows_that_show_no_threshold_are_told():
    with pytest.raises(
        ParameterError, match="3 calibration scores show no threshold for an alert_p_value"
    ):
        AdaptiveThreshold(ConformalCalibration.fit([1.0, 1.0, 1.0]), 0.01)


@pytest.mark.parametrize("rows", [20, 100, 300])
def test_few_calibration_rows_are_enough_to_begin(rows):
    """The rate is then as rough as the one that so few rows give a fixed threshold."""
    calibration, adaptive = begin(0.05, rows=rows)
    stream = benign(10 * WINDOW, seed=13)
    alerts, _ = adaptive.update(stream)
    fixed = (stream >= calibration.threshold(0.05)).mean()
    assert alerts.mean() < max(2 * fixed, 0.1)

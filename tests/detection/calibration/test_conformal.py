"""p-values mean what they say, and a threshold is the same statement turned round."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddwire.detection.calibration.conformal import SMALLEST_P, ConformalCalibration
from oddwire.detection.calibration.tail import fit_tail
from oddwire.errors import DataError, ModelError, ParameterError

FINITE = st.floats(allow_nan=False, allow_infinity=False)
# Few different values make ties, and the larger lists have a tail.
SCORES = st.one_of(
    st.lists(FINITE, min_size=1, max_size=60),
    st.lists(st.integers(0, 12).map(float), min_size=1, max_size=120),
    st.lists(st.floats(0, 1), min_size=20, max_size=60),
)
RATES = st.floats(min_value=SMALLEST_P, max_value=1, exclude_max=True)


def exponential(n=1000, seed=0):
    return np.random.default_rng(seed).exponential(size=n)


def test_a_p_value_counts_the_calibration_scores_at_least_as_high():
    p, extrapolated = ConformalCalibration.fit([3, 1, 2, 2]).p_values([0, 1, 1.5, 2, 2.5, 3])
    np.testing.assert_array_equal(p, np.array([5, 5, 4, 4, 2, 2]) / 5)
    assert not extrapolated.any()


@given(scores=SCORES, others=st.lists(FINITE, max_size=30))
def test_counting_agrees_with_the_definition_and_the_tail_stays_below_it(scores, others):
    n = len(scores)
    p, extrapolated = ConformalCalibration.fit(scores).p_values(others)
    counted = np.array([(1 + sum(s >= other for s in scores)) / (n + 1) for other in others])
    np.testing.assert_array_equal(p[~extrapolated], counted[~extrapolated])
    assert (p <= counted).all()
    assert (counted[extrapolated] == 1 / (n + 1)).all()
    assert ((p > 0) & (p <= 1)).all()


@given(scores=SCORES, others=st.lists(st.floats(allow_nan=False), min_size=2, max_size=30))
def test_a_p_value_never_rises_with_the_score(scores, others):
    p, _ = ConformalCalibration.fit(scores).p_values(sorted(others))
    assert (np.diff(p) <= 0).all()


@given(scores=SCORES, alert_p_value=RATES, others=st.lists(st.floats(allow_nan=False), max_size=30))
def test_a_score_reaches_the_threshold_exactly_where_its_p_value_is_small_enough(
    scores, alert_p_value, others
):
    calibration = ConformalCalibration.fit(scores)
    threshold = calibration.threshold(alert_p_value)
    near = [threshold, math.nextafter(threshold, -math.inf), math.nextafter(threshold, math.inf)]
    tried = np.array([*near, *scores, *others, -np.inf, np.inf])
    p, _ = calibration.p_values(tried)
    np.testing.assert_array_equal(tried >= threshold, p <= alert_p_value)


@pytest.mark.parametrize("n", [1, 2, 6, 20, 48, 97, 102, 999])
def test_rounding_never_moves_a_rate_that_counting_gives(n):
    # 1 / 49 * 49 is below 1 in float64, and other products are above their whole number.
    scores = np.arange(n, dtype=float)
    calibration = ConformalCalibration.fit(scores)
    tried = np.concatenate([scores, np.nextafter(scores, np.inf)])
    p, _ = calibration.p_values(tried)
    for count in range(1, n + 1):
        rate = count / (n + 1)
        for alert_p_value in (math.nextafter(rate, 0), rate, math.nextafter(rate, 1)):
            threshold = calibration.threshold(alert_p_value)
            np.testing.assert_array_equal(tried >= threshold, p <= alert_p_value)


@pytest.mark.parametrize("alert_p_value", [1e-12, 1e-9, 1e-6, 1e-4, 9.9e-4])
def test_the_equivalence_holds_to_the_last_bit_in_the_tail(alert_p_value):
    calibration = ConformalCalibration.fit(exponential())
    threshold = calibration.threshold(alert_p_value)
    around = [threshold]
    for _ in range(500):
        around.append(np.nextafter(around[-1], np.inf))
        around.insert(0, np.nextafter(around[0], -np.inf))
    p, extrapolated = calibration.p_values(around)
    np.testing.assert_array_equal(np.array(around) >= threshold, p <= alert_p_value)
    assert extrapolated.all()


@pytest.mark.parametrize("n", [1, 20, 200, 5000])
def test_p_values_of_exchangeable_rows_are_as_small_as_they_claim_and_no_smaller(n):
    # Each repetition calibrates anew: validity holds on average over calibration sets.
    random = np.random.default_rng(20230)
    repetitions, rows = 2000, 50
    shares = {a: [] for a in (0.001, 0.01, 0.05, 0.1)}
    for _ in range(repetitions):
        # Rounded, so that there are ties.
        calibration = ConformalCalibration.fit(random.normal(size=n).round(2))
        p, _ = calibration.p_values(random.normal(size=rows).round(2))
        for a, of_each in shares.items():
            of_each.append((p <= a).mean())
    for a, of_each in shares.items():
        error = np.std(of_each) / math.sqrt(repetitions)
        assert np.mean(of_each) <= a + 3 * error
        if n >= 1 / a:
            # and they are not merely large
            assert np.mean(of_each) >= a / 2


@pytest.mark.parametrize("law", ["exponential", "normal", "uniform", "pareto"])
def test_p_values_of_the_tail_are_at_most_twice_too_small(law):
    random = np.random.default_rng(5)
    draw = {
        "exponential": random.exponential,
        "normal": random.normal,
        "uniform": random.uniform,
        "pareto": lambda size: random.pareto(3, size=size),
    }[law]
    n, rows = 500, 20_000
    shares = []
    for _ in range(300):
        p, _ = ConformalCalibration.fit(draw(size=n)).p_values(draw(size=rows))
        shares.append((p <= 0.1 / (n + 1)).mean())
    assert np.mean(shares) <= 2 * 0.1 / (n + 1)


def test_the_tail_begins_where_counting_ends():
    scores = exponential(500)
    top = scores.max()
    p, extrapolated = ConformalCalibration.fit(scores).p_values(
        [top, top + 1e-9, top + 1, top + 5, top + 1e6, np.inf]
    )
    assert extrapolated.tolist() == [False, True, True, True, True, True]
    assert p[0] == 2 / 501
    assert p[1] == pytest.approx(1 / 501, rel=1e-6)
    assert (np.diff(p[:4]) < 0).all()
    assert p[-1] == SMALLEST_P


def test_the_tail_falls_as_the_exponential_law_does():
    p, _ = ConformalCalibration.fit(exponential(100_000)).p_values(np.array([14.0, 18.0]))
    # True: 8e-7 and 1.5e-8; a fitted tail errs on the careful side.
    assert 8e-7 / 3 < p[0] < 8e-7 * 10
    assert 1.5e-8 / 3 < p[1] < 1.5e-8 * 100


def test_a_heavier_law_gets_a_heavier_tail():
    random = np.random.default_rng(1)
    light = fit_tail(np.sort(random.uniform(size=5000)))
    heavy = fit_tail(np.sort(random.pareto(2, size=5000)))
    assert light is not None
    assert heavy is not None
    assert light.shape < 0.15
    assert 0.3 < heavy.shape < 0.8


@pytest.mark.parametrize(
    "scores",
    [
        [0.0],
        [4.0] * 1000,
        [0.0] * 990 + [1.0] * 10,
        list(range(7)) * 100,
        [-1.7e308] * 30 + list(np.linspace(1e308, 1.7e308, 30)),
    ],
    ids=["one", "all equal", "two values", "seven values", "range beyond float64"],
)
def test_too_few_different_scores_are_not_extrapolated(scores):
    calibration = ConformalCalibration.fit(scores)
    n, top = len(scores), max(scores)
    assert calibration.tail is None
    p, extrapolated = calibration.p_values([top, math.nextafter(top, math.inf), np.inf])
    assert p[1] == 1 / (n + 1)
    assert not extrapolated[:2].any()
    assert p[2] == SMALLEST_P
    assert calibration.threshold(0.5 / (n + 1)) == math.inf


def test_twenty_rows_are_enough_for_a_tail():
    calibration = ConformalCalibration.fit(exponential(20))
    assert calibration.tail is not None
    assert max(exponential(20)) < calibration.threshold(0.001) < 1000


def test_a_tail_is_found_below_heavy_ties():
    scores = np.concatenate([np.linspace(0, 1, 600), np.full(60, 1.0)])
    calibration = ConformalCalibration.fit(scores)
    assert calibration.tail is not None
    assert calibration.tail.rows > 60


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_calibration_scores_must_be_finite(bad):
    with pytest.raises(ModelError, match=f"finite numbers, got {bad}"):
        ConformalCalibration.fit([1.0, bad, 2.0])


def test_calibration_needs_a_row():
    with pytest.raises(DataError, match="at least one benign row"):
        ConformalCalibration.fit([])


def test_a_nan_score_is_an_error_that_names_its_row():
    with pytest.raises(ModelError, match="NaN in row 2"):
        ConformalCalibration.fit([1.0]).p_values([1.0, 2.0, np.nan])


def test_no_scores_have_no_p_values():
    p, extrapolated = ConformalCalibration.fit([1.0]).p_values([])
    assert p.shape == extrapolated.shape == (0,)


@pytest.mark.parametrize("alert_p_value", [0, 1, -0.1, 1e-13, math.nan, math.inf])
def test_a_rate_out_of_range_is_refused(alert_p_value):
    with pytest.raises(ParameterError, match="alert_p_value must be from 1e-12 to below 1"):
        ConformalCalibration.fit([1.0, 2.0]).threshold(alert_p_value)


@given(scores=SCORES, others=st.lists(FINITE, max_size=30))
def test_a_saved_calibration_gives_the_same_bits(scores, others):
    calibration = ConformalCalibration.fit(scores)
    content = json.loads(json.dumps(calibration.to_dict()))
    again = ConformalCalibration.from_dict(content, calibration.scores.copy())
    np.testing.assert_array_equal(again.p_values(others)[0], calibration.p_values(others)[0])
    assert again.threshold(1e-6) == calibration.threshold(1e-6)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.array([1.0]), "3 finite"),
        (np.array([1.0, np.nan, 2.0]), "3 finite"),
        (np.array([1, 2, 3]), "3 finite"),
        (np.array([1.0, 3.0, 2.0]), "ascending"),
    ],
)
def test_saved_scores_that_do_not_fit_are_refused(scores, message):
    with pytest.raises(ModelError, match=message):
        ConformalCalibration.from_dict({"rows": 3, "tail": None}, scores)


@pytest.mark.parametrize("change", [{"shape": 0.0}, {"scale": -1.0}, {"scale": math.nan}])
def test_a_saved_tail_that_is_none_is_refused(change):
    calibration = ConformalCalibration.fit(exponential(20))
    content = calibration.to_dict()
    with pytest.raises(ModelError, match="tail must have a finite shape and scale above 0"):
        ConformalCalibration.from_dict(
            {**content, "tail": content["tail"] | change}, calibration.scores
        )


def test_the_order_and_later_changes_of_the_scores_given_do_not_matter():
    scores = np.array([3.0, 1.0, 2.0])
    calibration = ConformalCalibration.fit(scores)
    scores[:] = 100
    assert calibration.scores.tolist() == [1.0, 2.0, 3.0]


def test_a_million_scores_take_no_time_that_grows_with_the_product():
    random = np.random.default_rng(0)
    calibration = ConformalCalibration.fit(random.normal(size=200_000))
    scores = random.normal(scale=3, size=1_000_000)
    begin = time.perf_counter()
    calibration.p_values(scores)
    # 0.3 s on 2 cores; n by m comparisons would take minutes.
    assert time.perf_counter() - begin < 5

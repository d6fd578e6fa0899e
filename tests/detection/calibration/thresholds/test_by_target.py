"""A threshold keeps its target from held-out benign rows alone, and says what it cannot promise."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.tail import tail_quantile
from oddwire.detection.calibration.thresholds.by_target import Calibrated, by_tail, by_target
from oddwire.detection.calibration.thresholds.targets import Target
from oddwire.traffic.units import units_of

LAWS = {
    "exponential": (lambda r, n: r.exponential(size=n), lambda z: math.exp(-z)),
    "normal": (lambda r, n: r.normal(size=n), lambda z: math.erfc(z / math.sqrt(2)) / 2),
    "pareto": (lambda r, n: r.pareto(3, size=n), lambda z: (1 + z) ** -3),
}


def of_rows(scores):
    """Calibration rows without sources and times."""
    units = units_of(pd.DataFrame({"bytes": np.zeros(len(scores))}))
    return Calibrated(ConformalCalibration.fit(scores), BenignAlarms.of(scores, units))


def of_connections(days=2.0, rows=4000, sources=60, seed=0):
    random = np.random.default_rng(seed)
    seconds = np.sort(random.integers(int(days * 86_400), size=rows))
    frame = pd.DataFrame({
        "src_ip": [f"10.0.0.{number}" for number in random.integers(sources, size=rows)],
        "end": pd.to_datetime(seconds, unit="s", utc=True),
    })  # fmt: skip
    scores = random.exponential(size=rows)
    alarms = BenignAlarms.of(scores, units_of(frame))
    return Calibrated(ConformalCalibration.fit(scores), alarms, days, 5 * days)


def threshold(calibrated, chosen):
    return calibrated.rows.threshold(chosen.alert_p_value)


@pytest.mark.parametrize("per_day", [1.0, 12.0, 30.0])
def test_the_incidents_of_the_calibration_rows_are_as_many_as_their_days_allow(per_day):
    calibrated = of_connections()
    chosen = by_target(calibrated, Target("false_incidents_per_day", per_day))
    at, alarms = threshold(calibrated, chosen), calibrated.alarms
    assert alarms.units.incidents(alarms.scores, at) == per_day * calibrated.days - 1
    assert chosen.inputs["calibration_alarms"] == per_day * calibrated.days - 1
    assert chosen.shortfall is None


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_no_more_units_alert_than_their_share(share):
    calibrated = of_connections()
    chosen = by_target(calibrated, Target("share_of_units", share))
    worst = calibrated.alarms.by_unit.high
    alerting = (worst >= threshold(calibrated, chosen)).sum()
    assert alerting == math.floor(share * (len(worst) + 1)) - 1


def test_the_threshold_of_units_is_exactly_the_one_of_the_rows_p_value():
    calibrated = of_connections()
    for target in (Target("false_incidents_per_day", 12.0), Target("share_of_units", 0.02)):
        alarms = calibrated.counted_by(target)
        allowed = target.value * calibrated.exposure(target)
        wanted = calibrated.alarms.threshold(alarms, allowed).threshold
        assert threshold(calibrated, by_target(calibrated, target)) == wanted


def test_a_share_of_rows_is_the_p_value_itself():
    chosen = by_target(of_rows(np.arange(999.0)), Target("share_of_rows", 0.03))
    assert chosen.alert_p_value == 0.03
    assert chosen.inputs["calibration_alarms"] == 29
    told = json.loads(json.dumps(chosen.to_dict()))
    assert told["target"] == {"share_of_rows": 0.03}
    assert told["target_fpr"] == 0.03
    assert (told["shortfall"], told["noisiest"]) == (None, [])


def test_only_a_target_in_rows_has_a_false_positive_rate():
    told = by_target(of_connections(), Target("share_of_units", 0.03)).to_dict()
    assert told["target"] == {"share_of_units": 0.03}
    assert told["target_fpr"] is None


# --- what cannot be promised ---


def test_27_units_cannot_promise_one_percent():
    calibrated = of_connections(rows=27, days=0.5)
    chosen = by_target(calibrated, Target("share_of_units", 0.01))
    shortfall = chosen.shortfall
    assert shortfall is not None
    assert (shortfall.has, shortfall.needed, shortfall.of) == (27, 99, "units")
    assert shortfall.promised == pytest.approx(1 / 28)
    assert shortfall.days_before_test == pytest.approx(5 * 0.5 * 99 / 27)
    assert threshold(calibrated, chosen) > calibrated.rows.scores[-1], "just above the highest"
    assert np.isfinite(threshold(calibrated, chosen))


def test_a_share_is_promised_from_exactly_as_many_units_as_it_takes():
    for units, promised in ((98, False), (99, True)):
        calibrated = of_connections(rows=units, days=100.0, sources=10**6)
        assert len(calibrated.alarms.by_unit.high) == units
        chosen = by_target(calibrated, Target("share_of_units", 0.01))
        assert (chosen.shortfall is None) == promised


def test_two_days_cannot_promise_an_incident_in_five():
    chosen = by_target(of_connections(days=2.0), Target("false_incidents_per_day", 0.2))
    shortfall = chosen.shortfall
    assert shortfall is not None
    assert (shortfall.has, shortfall.needed, shortfall.of) == (2.0, 5.0, "days")
    assert shortfall.promised == 0.5
    assert shortfall.days_before_test == 25.0
    assert chosen.inputs["calibration_alarms"] == 0


def test_few_rows_extrapolate_a_small_share_and_say_so():
    calibrated = of_rows(np.random.default_rng(0).exponential(size=99))
    chosen = by_target(calibrated, Target("share_of_rows", 0.0001))
    assert chosen.alert_p_value == 0.0001
    assert chosen.shortfall is not None
    assert chosen.shortfall.extrapolated
    assert (chosen.shortfall.needed, chosen.shortfall.promised) == (9999, 0.01)


def test_more_incidents_than_there_are_do_not_make_an_alert_of_everything():
    chosen = by_target(of_connections(rows=300), Target("false_incidents_per_day", 500.0))
    assert chosen.alert_p_value == 0.1
    assert chosen.inputs["limited_to_share_of_rows"] == 0.1
    for share in (0.9, 0.99999):
        chosen = by_target(of_connections(rows=300), Target("share_of_units", share))
        assert chosen.alert_p_value < 1


# --- by a tail ---


@pytest.mark.parametrize("law", sorted(LAWS))
@pytest.mark.parametrize("share", [0.005, 0.01, 0.02])
def test_the_tail_keeps_its_target_and_scatters_less_than_counting(law, share):
    draw, survival = LAWS[law]
    random = np.random.default_rng(8)
    by_law, by_count = [], []
    target = Target("share_of_rows", share)
    for _ in range(200):
        fitted = of_rows(draw(random, 2000))
        by_law.append(survival(threshold(fitted, by_tail(fitted, target))))
        by_count.append(survival(fitted.rows.threshold(share)))
    error = np.std(by_law) / math.sqrt(len(by_law))
    assert np.mean(by_law) <= share + 3 * error
    assert np.mean(by_law) >= 0.75 * share, "and it is no smaller than it need be"
    assert np.std(by_law) < np.std(by_count)


def test_the_tails_quantile_is_that_of_the_law():
    scores = np.sort(np.random.default_rng(0).exponential(size=200_000))
    score, rows = tail_quantile(scores, 0.0001)
    assert rows == 10_000
    assert score == pytest.approx(-math.log(0.0001), rel=0.05)


@pytest.mark.parametrize(
    ("scores", "share", "by"),
    [
        (np.arange(999.0), 0.01, "tail"),
        (np.arange(999.0), 0.0001, "extrapolation"),
        (np.arange(999.0), 0.2, "counting"),
        (np.full(999, 4.0), 0.01, "counting"),
    ],
    ids=["in the tail", "beyond the rows", "below the tail", "no tail"],
)
def test_where_no_tail_reaches_the_p_values_decide_and_it_is_recorded(scores, share, by):
    chosen = by_tail(of_rows(scores), Target("share_of_rows", share))
    assert chosen.target == Target("share_of_rows", share)
    assert chosen.inputs["estimated_by"] == by
    if by != "tail":
        assert chosen.alert_p_value == share


def test_a_tail_of_units_keeps_their_share():
    calibrated = of_connections(days=10.0, rows=8000)
    chosen = by_tail(calibrated, Target("share_of_units", 0.02))
    worst = calibrated.alarms.by_unit.high
    assert chosen.inputs["estimated_by"] == "tail"
    assert (worst >= threshold(calibrated, chosen)).mean() == pytest.approx(0.02, rel=0.2)


@given(
    scores=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300),
    share=st.floats(1e-9, 1 - 1e-9),
)
def test_a_tail_always_gives_a_rate_that_a_model_can_keep(scores, share):
    fitted = of_rows(np.array(scores))
    chosen = by_tail(fitted, Target("share_of_rows", share))
    assert 0 < chosen.alert_p_value < 1
    assert not math.isnan(threshold(fitted, chosen))

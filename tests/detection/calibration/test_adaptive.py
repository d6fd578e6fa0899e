"""A threshold follows slow drift of benign units, and no burst of attacks lifts it."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.detection.calibration.adaptive import (
    HIGHEST,
    LEARNING_RATE,
    LOWEST,
    MOST_COUNTED,
    AdaptiveThreshold,
)
from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.calibration.units import UnitCalibration
from oddwire.errors import ModelError, ParameterError
from oddwire.traffic.units import units_of
from oddwire.traffic.units.so_far import UnitsSoFar, WorstSoFar

SOURCES = 10
SLOTS = 144  # units of ten minutes in a day
A_DAY = SOURCES * SLOTS  # units
TARGET = 15.0
LEVEL = TARGET / A_DAY
STEP = math.exp(LEARNING_RATE * (MOST_COUNTED - 1))  # the most that a day divides the level by
LAWS = {
    "exponential": lambda r, n: r.exponential(size=n),
    "normal": lambda r, n: r.normal(size=n),
    "log-normal": lambda r, n: r.lognormal(size=n),
    "pareto": lambda r, n: r.pareto(3, size=n),
}


def stream(days, *, seed=0, law="exponential", first=0):
    """When and where from: one row of each source in each ten minutes; and its score."""
    n = round(days * A_DAY)
    seconds = (first * SLOTS + np.arange(n) // SOURCES) * 600.0 + np.arange(n) % SOURCES
    return seconds, np.arange(n) % SOURCES, LAWS[law](np.random.default_rng(seed), n)


def so_far_of(seconds, sources, scores):
    """What `UnitsSoFar` finds, faster for rows of all days at once."""
    unit = pd.Series(scores).groupby([sources, seconds // 600])
    worst = unit.cummax().to_numpy()
    before = pd.Series(worst).groupby([sources, seconds // 600]).shift(fill_value=-np.inf)
    return WorstSoFar(before.to_numpy(), worst, (seconds * 1e6).astype(np.int64))


def begin(*, law="exponential", days=20, per_day=True):
    rows = pd.DataFrame({"bytes": np.zeros(round(days * A_DAY))})
    alarms = BenignAlarms.of(stream(days, seed=99, law=law)[2], units_of(rows))
    units = UnitCalibration.fit(alarms, days=days)
    return units, AdaptiveThreshold(units, units.worst.threshold(LEVEL), per_day=per_day)


def run(adaptive, seconds, sources, scores):
    return adaptive.update(so_far_of(seconds, sources, scores), scores)


def with_burst(rows, seconds, sources, values):
    """Put rows of an attack among others, and say which they are."""
    both = [np.concatenate(pair) for pair in zip(rows, (seconds, sources, values), strict=True)]
    order = np.argsort(both[0], kind="stable")
    return [column[order] for column in both], order >= len(rows[0])


# --- follows drift ---


@pytest.mark.parametrize("law", sorted(LAWS))
@pytest.mark.parametrize("drift", ["none", "up", "wider"])
def test_the_target_holds_while_benign_scores_drift(law, drift):
    days = 60
    seconds, sources, scores = stream(days, seed=1, law=law)
    sd = scores.std()
    way = np.arange(len(scores)) / len(scores)
    drifted = {"up": scores + 0.4 * sd * way, "wider": scores * (1 + 0.25 * way)}.get(drift, scores)
    units, adaptive = begin(law=law)
    alerts, _ = run(adaptive, seconds, sources, drifted)
    second_half = slice(len(scores) // 2, None)
    a_day = alerts[second_half].sum() / (days / 2) / TARGET
    fixed = (drifted[second_half] >= units.worst.threshold(LEVEL)).sum() / (days / 2) / TARGET
    # Where scores spread, those near the threshold tell too little of those beyond it.
    assert 0.8 < a_day < (2.2 if drift == "wider" else 1.5)
    if drift != "none":
        assert abs(math.log(a_day)) < 0.8 * math.log(fixed), "a fixed threshold does not keep it"


def test_without_drift_the_rate_over_a_month_is_the_target():
    rates = []
    for seed in range(10):
        _, adaptive = begin(days=100)
        alerts, _ = run(adaptive, *stream(31, seed=seed))
        rates.append(alerts.sum() / 31 / TARGET)
    # Counts of a day scatter, and the least of some numbers is below their means.
    assert 0.95 < np.mean(rates) < 1.2


@pytest.mark.parametrize("per_day", [True, False])
def test_more_traffic_is_more_alarms_a_day_but_no_larger_share(per_day):
    seconds, sources, _ = stream(40)
    twice = np.repeat(seconds, 2), np.repeat(sources, 2) + np.tile([0, SOURCES], len(sources))
    _, adaptive = begin(days=100, per_day=per_day)
    scores = np.random.default_rng(3).exponential(size=2 * len(seconds))
    alerts, _ = run(adaptive, *twice, scores)
    a_day = alerts[len(alerts) // 2 :].sum() / 20
    assert a_day == pytest.approx(TARGET if per_day else 2 * TARGET, rel=0.3)


def test_it_begins_with_the_models_threshold_and_moves_once_a_day():
    units, adaptive = begin()
    assert adaptive.threshold == units.worst.threshold(LEVEL)
    _, thresholds = run(adaptive, *stream(3))
    days = thresholds.reshape(3, -1)
    assert (days == days[:, :1]).all()
    assert days[0, 0] == units.worst.threshold(LEVEL)
    assert len(np.unique(thresholds)) == 3


def test_a_time_without_rows_is_no_evidence():
    _, adaptive = begin()
    run(adaptive, *stream(0.9))
    run(adaptive, *stream(0.2, seed=1, first=30))
    passed = adaptive.to_dict()["elapsed"] / 86_400e6
    assert passed == pytest.approx(0.9 + 1 / 24 + 0.2 - 1, abs=0.02), "an hour of the month"


# --- is not lifted ---


@settings(deadline=None, max_examples=25)
@given(
    rows=st.integers(1, 4000), hours=st.floats(0.1, 48), sources=st.integers(1, 5000),
    size=st.floats(0, 1e300), day=st.integers(0, 5),
)  # fmt: skip
def test_alerts_alone_do_not_lift_it(rows, hours, sources, size, day):
    """However many, however high, from however many sources."""
    calm = stream(8, seed=4)
    seconds = day * 86_400 + np.linspace(0, hours * 3600, rows)
    names = 1000 + np.arange(rows) % sources
    attacked, is_attack = with_burst(calm, seconds, names, np.full(rows, 100 + size))
    units, adaptive = begin()
    alerts, thresholds = run(adaptive, *attacked)
    assert alerts[is_attack].all(), "and all of the burst is an alert"
    # Never above what benign units near the threshold, which nobody attacked, would make of it.
    highest = Alarmed(units, units.worst.threshold(LEVEL), per_day=True)
    assert (thresholds[~is_attack] <= run(highest, *calm)[1]).all()


class Alarmed(AdaptiveThreshold):
    """To which each day brings more alerts than any burst."""

    def _move(self):
        self._reached += 10**12
        self._alerts += 10**12
        super()._move()


@settings(deadline=None, max_examples=25)
@given(
    burst=st.lists(
        st.tuples(st.integers(1, 3000), st.floats(0, 1e9), st.integers(0, 6 * 86_400)),
        min_size=1, max_size=6,
    ),
    spoofed=st.booleans(),
)  # fmt: skip
def test_whatever_comes_the_level_falls_by_a_bounded_factor_a_day_and_in_all(burst, spoofed):
    """Rows of any scores, from one source or each from another: near the threshold too."""
    rows = stream(8, seed=6)
    for rank, (count, value, second) in enumerate(burst):
        names = 1000 * (rank + 1) + (np.arange(count) if spoofed else np.zeros(count, int))
        rows, _ = with_burst(rows, np.full(count, float(second)), names, np.full(count, value))
    units, adaptive = begin()
    _, thresholds = run(adaptive, *rows)
    moves = np.flatnonzero(np.diff(thresholds)) + 1
    assert len(moves) <= 8
    for day, threshold in enumerate(thresholds[moves], start=1):
        lowest = max(LEVEL / STEP**day, LEVEL * LOWEST)
        assert threshold <= units.worst.threshold(lowest * (1 - 1e-9))
        assert threshold >= units.worst.threshold(LEVEL * HIGHEST * (1 + 1e-9))


def test_many_sources_near_the_threshold_lift_it_only_as_far_as_there_are_alerts():
    calm = stream(2, seed=7)
    units, adaptive = begin()
    just_below = np.full(3000, np.nextafter(adaptive.threshold, 0))
    near, _ = with_burst(calm, np.linspace(0, 80_000, 3000), 1000 + np.arange(3000), just_below)
    alerts, thresholds = run(adaptive, *near)
    first_day = near[0] < 86_400
    of_target = min(alerts[first_day].sum() / TARGET, MOST_COUNTED)
    moved = math.exp(LEARNING_RATE * (1 - of_target))
    assert thresholds[-1] == pytest.approx(units.worst.threshold(LEVEL * moved), rel=1e-6)


def test_a_jump_goes_on_raising_alerts():
    seconds, sources, scores = stream(20, seed=9)
    after, _ = run(begin()[1], seconds, sources, scores + 100)
    assert after.all()


# --- is one thing, however it is fed ---


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(0, 6 * A_DAY), max_size=12), per_day=st.booleans())
def test_how_the_stream_is_cut_or_saved_does_not_matter(cuts, per_day):
    seconds, sources, scores = stream(6, seed=11)
    scores += np.linspace(0, 2, len(scores))
    so_far = so_far_of(seconds, sources, scores)
    units, whole = begin(per_day=per_day)
    expected, thresholds = whole.update(so_far, scores)
    assert len(np.unique(thresholds)) > 2, "it never moved"
    pieces = begin(per_day=per_day)[1]
    edges = [0, *sorted(cuts), len(scores)]
    for first, last in pairwise(edges):
        part = WorstSoFar(*(column[first:last] for column in so_far))
        alerts, limits = pieces.update(part, scores[first:last])
        np.testing.assert_array_equal(alerts, expected[first:last])
        np.testing.assert_array_equal(limits, thresholds[first:last])
        state = json.loads(json.dumps(pieces.to_dict()))
        pieces = AdaptiveThreshold(units, units.worst.threshold(LEVEL), per_day=per_day)
        pieces.go_on(state)


@pytest.mark.parametrize("named", [False, True])
def test_rows_without_a_time_are_followed_by_their_number(named):
    frame = pd.DataFrame({"bytes": np.zeros(60_000)})
    if named:
        frame["unit"] = pd.array([f"{k}" for k in range(60_000)], dtype="string")
    scores = np.random.default_rng(0).exponential(size=60_000)
    alarms = BenignAlarms.of(scores[:5000], units_of(frame[:5000]))
    units = UnitCalibration.fit(alarms)
    adaptive = AdaptiveThreshold(units, units.worst.threshold(0.01), per_day=False)
    drifted = scores + np.linspace(0, 1, 60_000)
    alerts, thresholds = adaptive.update(UnitsSoFar().update(frame, drifted), drifted)
    assert alerts[30_000:].mean() < 0.016
    assert len(np.unique(thresholds)) > 10


def test_a_score_that_is_no_number_is_refused_and_nothing_taken_in():
    seconds, sources, scores = stream(1)
    _, adaptive = begin()
    so_far = so_far_of(seconds, sources, scores)
    state = adaptive.to_dict()
    with pytest.raises(ModelError, match="NaN in row 99"):
        adaptive.update(so_far, [*scores[:99], np.nan, *scores[100:]])
    assert adaptive.to_dict() == state


def test_units_near_from_a_step_before_raise_the_level_by_no_more_than_a_step():
    """Of rows without times a source is one unit for good, however many steps it takes."""
    count = 5000
    frame = pd.DataFrame({"unit": [f"{k}" for k in range(count)]})
    scores = np.random.default_rng(0).exponential(size=count)
    units = UnitCalibration.fit(BenignAlarms.of(scores, units_of(frame)))
    adaptive = AdaptiveThreshold(units, units.worst.threshold(0.01), per_day=False)
    follow, levels = UnitsSoFar(), []
    later = pd.DataFrame({"unit": [f"later {k}" for k in range(count)]})
    near = units.worst.threshold(0.04)
    for batch, score in ((frame[:1500], near), (frame[:1500], 100.0), (later, 0.0)):
        for begin in range(0, len(batch), 500):  # half a step
            some = batch[begin : begin + 500]
            scores = np.full(500, score)
            adaptive.update(follow.update(some, scores), scores)
            levels.append(adaptive.to_dict()["level"])
    up = np.diff(np.log(levels)).max()
    assert 0 < up <= LEARNING_RATE + 1e-12


@pytest.mark.parametrize(
    "state",
    [
        {}, {"level": "x"}, {"level": 99.0}, {"level": math.nan}, {"elapsed": math.inf},
        {"seen": 10**30}, {"clock": 10**30}, {"reached": -(10**9)},
    ],
    ids=str,
)  # fmt: skip
def test_a_state_that_is_damaged_is_refused(state):
    _, adaptive = begin()
    with pytest.raises(ModelError):
        adaptive.go_on(adaptive.to_dict() | state if state else {})


@pytest.mark.parametrize("threshold", [-math.inf, 0.0, math.inf])
def test_a_threshold_that_too_many_units_reach_or_none_is_refused(threshold):
    units, _ = begin()
    with pytest.raises(ParameterError, match="at most 20% of them, got"):
        AdaptiveThreshold(units, threshold, per_day=True)


def test_scores_that_are_one_number_leave_it_where_it_is():
    seconds, sources, scores = stream(4)
    ones = np.append(np.zeros(len(scores) - 3), [1.0, 2.0, 3.0])
    alarms = BenignAlarms.of(ones, units_of(pd.DataFrame({"bytes": ones})))
    adaptive = AdaptiveThreshold(UnitCalibration.fit(alarms, days=4), 0.5, per_day=True)
    _, thresholds = run(adaptive, seconds, sources, np.zeros(len(scores)))
    assert np.isfinite(thresholds).all()
    assert thresholds.min() > 0

"""Bursts of attacks against an adaptive threshold that is fed live: few rows at a time.

Real tables of units take part here: they forget sources where there are too many at once.
"""

from __future__ import annotations

import json
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rates import A_DAY, BEGIN, a_model, days_of

from oddwire.detection.calibration import adaptive as module
from oddwire.detection.calibration.adaptive import (
    LEARNING_RATE,
    LOWEST,
    MOST_COUNTED,
    AdaptiveThreshold,
)
from oddwire.traffic.units.so_far import UnitsSoFar

MODEL = a_model()
DAYS, HIGH = 4, 1e6
STEP = LEARNING_RATE * (MOST_COUNTED - 1)
TIMES = 5  # rows of a source in ten minutes


def busy(days=DAYS, *, seed=5):
    """Return benign rows of which each source has five in each ten minutes, all with one score."""
    rows, scores = days_of(days, seed=seed)
    again = np.repeat(np.arange(len(rows)), TIMES)
    rows = rows.iloc[again].assign(score=scores[again])
    rows["end"] += pd.to_timedelta(np.tile(np.arange(TIMES) * 100, len(scores)), unit="s")
    return rows.sort_values("end", kind="stable", ignore_index=True)


CALM = busy()


def attacked(names, seconds, scores):
    """Put rows among the benign ones, from a time in seconds after the beginning."""
    burst = pd.DataFrame({
        "src_ip": np.asarray(names, dtype=object),
        "end": BEGIN + pd.to_timedelta(np.asarray(seconds, dtype=float), unit="s"),
        "score": scores,
    })  # fmt: skip
    both = pd.concat([CALM, burst], ignore_index=True)
    return both.sort_values("end", kind="stable", ignore_index=True)


class Alarmed(AdaptiveThreshold):
    """To which each day brings more alerts than any burst: what units near it make of it alone."""

    def _move(self):
        self._reached += 10**12
        self._alerts += 10**12
        super()._move()


def begin(made=AdaptiveThreshold):
    return made(MODEL.unit_calibration, MODEL.threshold, per_day=True)


def levels(rows, *, places=2**18, cut=500, saved=False, made=AdaptiveThreshold):
    """Return the level after each batch."""
    units, follower = UnitsSoFar(places=places), begin(made)
    found = []
    for first in range(0, len(rows), cut):
        some = rows[first : first + cut]
        values = some["score"].to_numpy()
        so_far = units.update(some[["src_ip", "end"]], values)
        follower.update(so_far, values)
        if saved:
            state = json.loads(json.dumps(follower.to_dict()))
            follower = begin()
            follower.go_on(state)
        found.append(follower.to_dict()["level"])
    return np.array(found)


# How far the benign units near the threshold would lift it, were there alerts enough.
LOWEST_BY_CHANCE = levels(CALM, made=Alarmed).min() - 1e-12


@pytest.mark.parametrize(("count", "sources", "hours"), [
    (10_000, 3, 1), (10_000, 3, 48), (5_000, 5_000, 0.1), (20_000, 20_000, 48),
])  # fmt: skip
def test_a_scan_and_made_up_sources_lift_nothing(count, sources, hours):
    seconds = 86_400 + np.linspace(0, hours * 3600, count)
    rows = attacked([f"s{n % sources}" for n in range(count)], seconds, HIGH)
    assert 0.9 < LOWEST_BY_CHANCE <= levels(rows).min()


@settings(deadline=None, max_examples=5)
@given(
    hours=st.integers(1, 20), per_second=st.floats(0.5, 1.5), places=st.sampled_from([64, 128]),
    seed=st.integers(0, 5),
)  # fmt: skip
def test_more_sources_than_can_be_told_apart_lift_nothing(hours, per_second, places, seed):
    """Hosts that are forgotten and come near the threshold again are not counted as more."""
    count = round(hours * 3600 * per_second)
    seconds = 43_200 + np.linspace(0, hours * 3600, count)
    names = np.char.add("s", np.random.default_rng(seed).permutation(count).astype(str))
    rows = attacked(names, seconds, HIGH)
    with patch.object(module, "MOST_UNITS", places // 2):
        flooded = levels(rows, places=places)
    assert flooded.min() >= LOWEST_BY_CHANCE


def test_it_would_be_lifted_if_that_were_not_noticed():
    seconds = 86_400 + np.linspace(0, 86_400, 130_000)
    rows = attacked([f"s{n}" for n in range(len(seconds))], seconds, HIGH)
    with patch.object(module, "MOST_UNITS", 10**9):
        assert levels(rows, places=64).min() < 0.8


@pytest.mark.parametrize("near", [0.5, 0.9])
def test_who_knows_the_threshold_lifts_it_by_a_bounded_factor_a_day_and_no_more_afterwards(near):
    count = 5_000
    below = 0.9 * MODEL.threshold
    scores = np.where(np.arange(count) % 10 < 10 * near, below, HIGH)
    seconds = 86_400 + 3600 + np.linspace(0, 3600, count)
    found = levels(attacked([f"s{n}" for n in range(count)], seconds, scores))
    assert found.min() < 0.75, "so much is possible"
    assert found.min() >= np.exp(-STEP) - 1e-12
    moved = np.flatnonzero(np.diff(found))
    assert (np.diff(np.log(found))[moved] >= -STEP - 1e-12).all()
    assert found.min() >= LOWEST
    lowest = int(found.argmin())
    assert (np.diff(found[lowest:]) >= -0.02).all(), "it comes back, and is not lifted further"


@settings(deadline=None, max_examples=10)
@given(cut=st.integers(1000, 9000), saved=st.booleans())
def test_a_flood_that_is_cut_or_saved_in_its_midst_is_the_same_flood(cut, saved):
    rows = attacked([f"s{n}" for n in range(40_000)], 43_200 + np.linspace(0, 90_000, 40_000), HIGH)
    with patch.object(module, "MOST_UNITS", 128):
        whole = levels(rows, places=256, cut=len(rows))
        assert levels(rows, places=256, cut=cut, saved=saved)[-1] == whole[-1]


def test_a_state_of_before_floods_were_noticed_is_gone_on_from():
    state = begin().to_dict()
    older = {
        name: value for name, value in state.items() if name not in {"flooded", "time", "at_once"}
    }
    follower = begin()
    follower.go_on(older)
    assert follower.to_dict() == state


def test_ordinary_traffic_is_no_flood():
    assert A_DAY / 144 < module.MOST_UNITS
    units, follower = UnitsSoFar(), begin()
    values = CALM["score"].to_numpy()
    follower.update(units.update(CALM[["src_ip", "end"]], values), values)
    assert follower.to_dict()["flooded"] == 0
    assert follower.to_dict()["at_once"] == A_DAY / 144

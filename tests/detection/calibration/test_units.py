"""P-values of units are valid, causal and saved with the model."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.calibration.units import UnitCalibration
from oddwire.traffic.units import units_of

LEVELS = (0.001, 0.003, 0.01, 0.03, 0.1)


def alarms(random, units=1000):
    """Exchangeable units of one to nine rows, which are alike within a unit."""
    sizes = random.integers(1, 10, size=units)
    level = random.normal(size=units)
    scores = np.repeat(level, sizes) + random.exponential(size=sizes.sum())
    names = np.repeat(np.arange(units).astype(str), sizes)
    return BenignAlarms.of(scores, units_of(pd.DataFrame({"unit": names})))


def test_the_share_of_units_at_or_below_a_level_is_at_most_the_level():
    random = np.random.default_rng(28)
    repetitions = 200
    shares = {level: [] for level in LEVELS}
    for _ in range(repetitions):
        fitted, new = UnitCalibration.fit(alarms(random)), alarms(random)
        p_values, _ = fitted.p_values(new.by_unit.high)
        for level in LEVELS:
            shares[level].append((p_values <= level).mean())
    for level, found in shares.items():
        error = np.std(found) / np.sqrt(repetitions)
        assert np.mean(found) <= level + 3 * error
        assert np.mean(found) >= 0.5 * level - 3 * error, "and they are not merely large"


def test_the_p_value_of_a_unit_so_far_never_rises_while_it_goes_on():
    random = np.random.default_rng(0)
    fitted = UnitCalibration.fit(alarms(random))
    so_far = np.maximum.accumulate(random.exponential(2, size=500))
    p_values, _ = fitted.p_values(so_far)
    assert (np.diff(p_values) <= 0).all()


def test_what_is_saved_is_restored():
    fitted = UnitCalibration.fit(alarms(np.random.default_rng(1)), days=2.5)
    content = json.loads(json.dumps(fitted.to_dict()))
    restored = UnitCalibration.from_dict(content, fitted.worst.scores)
    scores = np.linspace(-3, 30, 500)
    for found, expected in zip(restored.p_values(scores), fitted.p_values(scores), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert (restored.kind, restored.minutes, restored.days) == ("source", 10.0, 2.5)

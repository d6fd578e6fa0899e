"""The rule of the settings decides by what a threshold is chosen, and what it needs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.thresholds.by_target import Calibrated
from oddwire.detection.calibration.thresholds.rules import check_labels, choose_threshold
from oddwire.detection.calibration.thresholds.targets import Target
from oddwire.errors import ParameterError
from oddwire.params import AlertSettings
from oddwire.traffic.units import units_of


def calibrated(n=999):
    scores = np.random.default_rng(0).exponential(size=n)
    units = units_of(pd.DataFrame({"bytes": scores}))
    return Calibrated(ConformalCalibration.fit(scores), BenignAlarms.of(scores, units))


def unasked():
    pytest.fail("no rule of benign rows may ask for labels")


@pytest.mark.parametrize("rule", ["target", "tail"])
def test_the_rule_that_is_named_chooses(rule):
    target = Target("share_of_rows", 0.02)
    chosen = choose_threshold(AlertSettings(rule=rule), target, calibrated(), validation=unasked)
    assert (chosen.rule, chosen.target) == (rule, target)


@pytest.mark.parametrize("rule", ["best_f1", "precision"])
@pytest.mark.parametrize("label", [0.0, 1.0, np.nan])
def test_a_rule_that_needs_labels_says_so_where_there_are_none(rule, label):
    rows = (np.full(50, label), np.linspace(0, 9, 50))
    with pytest.raises(ParameterError, match=rf"alerts\.rule {rule} needs attacks and benign rows"):
        choose_threshold(AlertSettings(rule=rule), None, calibrated(), validation=lambda: rows)


def test_labels_are_asked_for_before_anything_is_fitted():
    check_labels(AlertSettings(), attacks=0, benign=0)
    check_labels(AlertSettings(rule="precision"), attacks=1, benign=1)
    with pytest.raises(
        ParameterError, match=r"alerts\.rule precision needs .* got 0 attacks and 9"
    ):
        check_labels(AlertSettings(rule="precision"), attacks=0, benign=9)

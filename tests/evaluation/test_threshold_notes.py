"""What a threshold cannot promise, and who is noisy, is said in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.thresholds.by_target import Calibrated, by_target
from oddwire.detection.calibration.thresholds.targets import Target
from oddwire.evaluation.threshold_notes import threshold_notes
from oddwire.traffic.units import units_of


def notes(target, *, rows=27, days=None, names=("10.0.0.1", "10.0.0.2"), scores=None):
    """Rows of sources in turn, one in ten minutes."""
    frame = pd.DataFrame({
        "src_ip": [names[at % len(names)] for at in range(rows)],
        "end": pd.to_datetime(600 * np.arange(rows), unit="s", utc=True),
    })  # fmt: skip
    scores = np.arange(rows, dtype=float) if scores is None else scores
    alarms = BenignAlarms.of(scores, units_of(frame))
    calibrated = Calibrated(ConformalCalibration.fit(scores), alarms, days, days and 5 * days)
    return threshold_notes(by_target(calibrated, target).to_dict())


@pytest.mark.parametrize(
    ("target", "days", "says"),
    [
        (
            Target("share_of_units", 0.01), None,
            ("27 calibration units cannot promise 1 % of benign units: that takes 99; promised "
            "instead: 3.57 % of benign units"),
        ),
        (
            Target("share_of_units", 0.01), 2.0,
            "that takes 99 (about 37 days of traffic before the test); promised",
        ),
        (
            Target("false_incidents_per_day", 0.1), 2.0,
            ("2 days of calibration rows cannot promise 0.1 false incidents a day: that takes 10 "
            "days (about 50 days of traffic before the test); promised instead: 0.5 false "
            "incidents a day"),
        ),
        (
            Target("false_incidents_per_day", 30.0), 0.02,
            ("28.8 min of calibration rows cannot promise 30 false incidents a day: that takes "
            "48 min (about 4 h of traffic before the test); promised instead: 50 false"),
        ),
        (
            Target("share_of_rows", 0.001), None,
            ("27 calibration rows cannot promise 0.1 % of benign rows: that takes 999; promised "
            "instead: 3.57 % of benign rows; beyond that the threshold is extrapolated"),
        ),
    ],
)  # fmt: skip
def test_a_target_that_the_calibration_rows_cannot_support_is_said_so(target, days, says):
    (told,) = notes(target, days=days)
    assert says in told


def test_more_alerts_than_a_tenth_of_the_rows_are_not_promised():
    (told, *_) = notes(Target("false_incidents_per_day", 500.0), days=0.2, rows=100)
    assert told == (
        "500 false incidents a day would be more than 10 % of the benign rows of this source: "
        "no more than 10 % of them raise an alert"
    )


def test_a_noisy_source_is_named_with_its_share_and_harmless():
    hostile = "10.0.0.9\x1b[2J\n" + "x" * 300
    names = [hostile if at % 50 < 5 else f"10.0.1.{at}" for at in range(1000)]
    scores = np.where([name == hostile for name in names], 100.0, 0.0) + np.arange(1000) / 1000
    (told,) = notes(Target("share_of_units", 0.05), rows=1000, names=names, scores=scores)
    assert told.startswith("noisiest sources, by their share of the ")
    assert "alerting units of the calibration rows: 10.0.0.9" in told
    assert (
        "of these alerting units were not counted, so that no source decides the threshold" in told
    )
    assert told.endswith("where one is known and fine, leave its alerts out where you read them")
    assert told.isprintable()
    assert len(told) < 500


def test_the_command_that_suppresses_the_noisiest_source_is_told():
    names = ["10.0.3.7" if at % 50 < 5 else f"10.0.1.{at}" for at in range(1000)]
    scores = np.where([name == "10.0.3.7" for name in names], 100.0, 0.0) + np.arange(1000) / 1000
    (told,) = notes(Target("share_of_units", 0.05), rows=1000, names=names, scores=scores)
    command = told.partition("its alerts are kept and not sent by: ")[2]
    assert command == "oddwire allow add --source 10.0.3.7 --expires 30d --reason known"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("10.0.0.9 --for x", "leave its alerts out where you read them"),
        ("$(reboot)", "leave its alerts out where you read them"),
        ("fe80::1%eth0;reboot", "--source fe80::1 --expires 30d --reason known"),
    ],
)
def test_a_name_that_is_no_address_is_part_of_no_command(source, said):
    rule = {
        "target": {"share_of_units": 0.01}, "calibration_alarms": 58,
        "noisiest": [{"source": source, "alarms": 40, "share": 0.7}],
    }  # fmt: skip
    (told,) = threshold_notes(rule)
    assert told.endswith(said)


@pytest.mark.parametrize("rule", [{}, {"rule": "best_f1", "target": None}])
def test_there_is_nothing_to_be_said_without_a_target(rule):
    assert threshold_notes(rule) == []


def test_there_is_nothing_to_be_said_of_a_target_that_is_kept():
    assert notes(Target("share_of_units", 0.1), rows=200, days=5.0) == []

"""The target is the one that the settings name, or the default of what the rows are."""

from __future__ import annotations

import pytest

from oddwire.detection.calibration.thresholds.targets import Target, target_of
from oddwire.errors import ParameterError
from oddwire.params import AlertSettings


@pytest.mark.parametrize(
    ("kind", "timed", "rule", "target"),
    [
        ("source and time", True, "target", Target("false_incidents_per_day", 30.0)),
        ("source and time", True, "tail", Target("share_of_units", 0.01)),
        ("source", False, "target", Target("share_of_units", 0.01)),
        ("source and time", False, "target", Target("share_of_units", 0.01)),
        ("row", True, "target", Target("share_of_rows", 0.01)),
        ("row", False, "tail", Target("share_of_rows", 0.01)),
        ("source and time", True, "best_f1", None),
        ("row", False, "precision", None),
    ],
)
def test_without_a_target_it_is_the_default_of_what_the_rows_are(kind, timed, rule, target):
    assert target_of(AlertSettings(rule=rule), kind=kind, timed=timed) == target


@pytest.mark.parametrize("kind", ["source and time", "source"])
@pytest.mark.parametrize(
    "given", [{"false_incidents_per_day": 5.0}, {"share_of_units": 0.1}, {"share_of_rows": 0.02}]
)
def test_a_target_that_is_given_is_taken_whatever_the_rows_are(kind, given):
    found = target_of(AlertSettings(target=given), kind=kind, timed=True)
    assert found is not None
    assert found.to_dict() == given


def test_where_a_unit_is_a_row_a_share_of_units_is_one_of_rows():
    alerts = AlertSettings(target={"share_of_units": 0.1})
    assert target_of(alerts, kind="row", timed=False) == Target("share_of_rows", 0.1)
    alerts = AlertSettings(target={"false_incidents_per_day": 5.0})
    assert target_of(alerts, kind="row", timed=True) == Target("false_incidents_per_day", 5.0)


@pytest.mark.parametrize(
    ("kind", "instead"), [("source", "share_of_units: 0.01"), ("row", "share_of_rows: 0.01")]
)
def test_incidents_per_day_of_rows_without_times_are_refused_with_what_to_write(kind, instead):
    alerts = AlertSettings(target={"false_incidents_per_day": 5})
    with pytest.raises(ParameterError, match=f"needs a source with times.*{instead}"):
        target_of(alerts, kind=kind, timed=False)

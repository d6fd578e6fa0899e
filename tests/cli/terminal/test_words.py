"""Alerts and incidents in words."""

from dataclasses import replace

import pytest
from some_alerts import NOON, some_alert

from oddwire.cli.terminal.words import state_of
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.kinds import Kind


@pytest.mark.parametrize(
    ("kind", "why", "said"),
    [
        (Kind.SCAN, "quiet", "no alert came for ten minutes"),
        (Kind.BEACON, "quiet", "no alert came for an hour"),
        (Kind.BEACON, "too many", "too many incidents were open"),
    ],
)
def test_why_an_incident_is_closed(kind, why, said):
    incident = Incident.opened_by(some_alert(kind=kind))
    assert state_of(incident) == "open"
    closed = replace(incident, state="closed", closed=NOON, why=why)
    assert state_of(closed) == f"closed 2026-03-02 12:00 UTC, {said}"

"""How a watched source stands, for the log and the page of Prefect."""

from __future__ import annotations

import pytest
from rendered import rendered, shown
from some_alerts import HOSTILE, some_alert

from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.wire_names import wire_name
from oddwire.live.state import SinkState
from oddwire.live.supervising.page import heartbeat_line, watching_markdown
from oddwire.live.vitals.heartbeat import Lately
from oddwire.live.vitals.vitals import Vitals


@pytest.fixture
def vitals():
    """A loop that has seen a little of everything."""
    vitals = Vitals(
        "office", {"name": "isolation_forest", "version": "7"},
        {"false_incidents_per_day": 30.0}, clock=lambda: 1000.0,
    )  # fmt: skip
    vitals.batch(
        rows=1200, refused=3, late=2, dropped=1, newest=998_500_000, alerts=12,
        opened=4, now_open=1,
    )  # fmt: skip
    vitals.suppressed = 2
    vitals.sinks([SinkState("soc.example", waiting=5, delivered=7, dead=1, trouble="refused")])
    vitals.observed = {
        "day": Lately("false_incidents_per_day", 12.0, 6.0, 21.0, "kept", 1.0, 12, 40), "week": None
    }  # fmt: skip
    return vitals


def test_a_line_says_how_it_goes_and_what_was_lost(vitals):
    assert heartbeat_line(vitals.heartbeat()) == (
        "running: 1,200 connections, 1,200/s, lag 1.5 s; 12 alerts (2 suppressed among "
        "those stored); 1 of 4 incidents open; 3 lines refused; 2 late; 1 dropped; "
        "sink soc.example: refused"
    )


def test_a_line_of_a_loop_that_has_just_begun():
    line = heartbeat_line(Vitals("office").heartbeat())
    said = "no lag known; 0 alerts (0 suppressed among those stored); 0 of 0 incidents open"
    assert line == f"running: 0 connections, 0/s, {said}"


def test_the_page_has_rate_lag_alerts_target_and_sinks(vitals):
    page = " ".join(shown(watching_markdown(vitals.heartbeat(), [])).split())
    for part in (
        "office is running", "isolation_forest 7", "1,200, 1,200.0 per second", "lag 1.5 s",
        "12; 2 suppressed among those stored", "4, of which 1 open",
        "target 30 false incidents a day",
        "12 incidents a day (6 to 21); the target of benign traffic is 30", "lines refused 3",
        "soc.example 5 7 0 1 refused",
    ):  # fmt: skip
        assert part in page


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_what_the_wire_says_is_text_on_the_page(vitals, text):
    name = wire_name(text)
    incident = Incident.opened_by(some_alert(unit=name, target=name))
    vitals.notice(text)
    vitals.calibration = text
    page = watching_markdown(vitals.heartbeat(), [incident])
    html = rendered(page)
    assert "<script" not in html
    assert "<a " not in html
    assert "\x1b" not in page
    assert html.count("<tr>") == rendered(
        watching_markdown(vitals.heartbeat(), [Incident.opened_by(some_alert())])
    ).count("<tr>")
    assert incident.id[:8] in shown(page)

"""What each watcher is doing, and since when one has been silent."""

from __future__ import annotations

import time

import pytest
from page_visits import Visitor, beat
from some_alerts import NOON
from sqlalchemy import create_engine, update

from oddwire.live.state import Store
from oddwire.live.state.tables import heartbeats
from oddwire.live.vitals.heartbeat import Lately, SinkBeat

MINUTE = 60_000_000


@pytest.fixture
def watched(tmp_path):
    """Return what the pages say of a heartbeat, and of when it came."""
    address = f"sqlite:///{tmp_path / 'alerts.db'}"

    def watched(content, *, age=0.0):
        with Store(address, source="office") as store:
            store.beat(content if isinstance(content, str) else content.to_json())
        engine = create_engine(address)
        with engine.begin() as connection:
            connection.execute(update(heartbeats).values(at=time.time() - age))
        engine.dispose()
        visitor = Visitor(address)
        return visitor.see("/"), visitor.see("/watchers")

    return watched


def test_one_that_runs_says_how_fast_and_how_far_behind(watched):
    observed = {
        "day": Lately("false_incidents_per_day", 24.2, 14.8, 41.0, "kept", 1.0, 24, 400),
        "week": None,
    }
    strip, page = watched(
        beat(
            target={"false_incidents_per_day": 30.0}, observed=observed, alerts=400, suppressed=7,
            incidents={"opened": 24, "open": 2}, refused=3, late=5, dropped=1,
        )
    )  # fmt: skip
    assert "office running · 512 connections/s · lag 0.4 s · 2 open" in strip
    for told in (
        "office running It is running.", "Speed 512 connections/s", "by its log; lag 0.4 s",
        "24.2 incidents a day (14.8 to 41); the target of benign traffic is 30",
        "2 open, 24 so far", "400 so far; 0 suppressed among those stored",
        "1,000 scored, 3 lines refused, 5 late",
        "1 connection out of time windows", "oddwire-office version 7",
    ):  # fmt: skip
        assert told in page
    assert "week" not in page


def test_one_without_heartbeats_is_silent_and_can_be_started_again(watched):
    strip, page = watched(beat(source="office"), age=7200)
    assert "office silent since 20" in strip
    assert "It is silent: no heartbeat for 2 h, since 20" in page
    assert "Start it again: oddwire watch office" in page


def test_one_whose_heartbeat_is_from_the_future_is_as_doctor_says(watched):
    strip, page = watched(beat(source="office"), age=-7200)
    assert "office silent since 20" in strip
    assert "ahead of this clock: one of the two is wrong" in page


def test_one_that_was_stopped_is_not_silent(watched):
    strip, page = watched(beat(state="stopped"), age=7200)
    assert "office stopped since" in strip
    assert "It was stopped at" in page
    assert "silent" not in page


def test_one_to_which_nothing_comes_is_quiet(watched):
    now = beat().at
    strip, page = watched(beat(state="quiet", last_row_at=now - 45 * MINUTE))
    assert "office quiet" in strip
    assert "no connection has come since 20" in page


def test_a_sink_that_takes_nothing_is_shown(watched):
    sinks = (
        SinkBeat("alerts.jsonl", delivered=80),
        SinkBeat("hook", 120, 380, 1, 2, "503 <b>Busy</b>", beat().at - MINUTE),
    )
    strip, page = watched(beat(sinks=sinks))
    assert "office trouble" in strip
    assert "Sink hook since 20" in page
    assert "503 <b>Busy</b>" in page
    assert "hook 120 380 1 2" in page
    assert "alerts.jsonl 0 80 0 0" in page


def test_an_old_log_is_read_without_a_lag(watched):
    strip, page = watched(beat(newest=NOON))
    assert "512 connections/s · reading a log of 2026-03-02" in strip
    assert "2026-03-02 12:00:00 UTC by its log; reading a log of 2026-03-02" in page
    assert "lag" not in strip + page.partition("This page only reads")[0]


def test_a_sink_of_an_earlier_run_is_no_trouble(watched):
    strip, page = watched(beat(sinks=(SinkBeat("hook", 12, trouble="503", present=False),)))
    assert "office running" in strip
    assert "hook (of an earlier run) 12 0 0 0" in page
    assert "503" not in page


def test_calibration_that_is_off_names_the_remedy(watched):
    _, page = watched(beat(calibration="calibration is off: `oddwire train office`"))
    assert "calibration is off: `oddwire train office`" in page


def test_notices_are_shown_the_newest_first_and_harmless(watched):
    _, page = watched(beat(notices=("first", "second \x1b[2J<script>\u202e")))
    assert page.index("second \ufffd[2J<script>\ufffd") < page.index("first")


@pytest.mark.parametrize("content", ["", "[]", "null", '{"source": "office"}', "{'a"])
def test_a_heartbeat_that_cannot_be_read_is_no_defect(watched, content):
    strip, page = watched(content)
    assert "office silent" in strip
    assert "cannot be read" in page

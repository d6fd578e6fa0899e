"""A heartbeat says what was done lately, and its counts outlive the process."""

import json
import os

import pytest
from some_alerts import HOSTILE, NOON

from oddwire.errors import DataError
from oddwire.live.state import SinkState
from oddwire.live.vitals.heartbeat import Heartbeat, Lately
from oddwire.live.vitals.vitals import Vitals

SECOND = 1_000_000
KEYS = {
    "source", "at", "started", "state", "pid", "model", "rows", "refused", "late", "dropped",
    "rows_per_second", "lag_seconds", "newest", "alerts", "suppressed", "incidents",
    "last_row_at", "target", "observed", "sinks", "calibration", "notices",
}  # fmt: skip


class Clocks:
    """The wall's, which somebody may set, and one that nobody sets."""

    def __init__(self):
        self.wall, self.tick = NOON / SECOND, 50.0

    def go(self, seconds):
        self.wall += seconds
        self.tick += seconds


@pytest.fixture
def clocks():
    return Clocks()


@pytest.fixture
def vitals(clocks):
    return Vitals(
        "office", {"name": "oddwire-office", "version": "7"}, {"false_incidents_per_day": 30.0},
        quiet_minutes=10,
        clock=lambda: clocks.wall, ticks=lambda: clocks.tick,
    )  # fmt: skip


def full(vitals):
    vitals.batch(rows=10, refused=2, late=1, newest=NOON, alerts=3, opened=1)
    vitals.sinks([SinkState("file", 1, 2, 3, 4, 1, "disk full", NOON / SECOND)])
    vitals.notice("log rotated")
    vitals.observed = {
        "day": Lately("false_incidents_per_day", 24.2, 14.8, 41.0, "kept", 1.0, 24, 90),
        "week": None,
    }
    return vitals.heartbeat()


def test_a_heartbeat_is_one_line_of_strict_json_and_read_back_equal(vitals):
    heartbeat = full(vitals)
    line = heartbeat.to_json()
    assert "\n" not in line
    content = json.loads(line)
    assert content.keys() == KEYS
    assert content["at"] == "2026-03-02T12:00:00.000000Z"
    assert content["sinks"][0]["since"] == "2026-03-02T12:00:00.000000Z"
    assert content["incidents"] == {"opened": 1, "open": 0}
    assert content["pid"] == os.getpid()
    assert Heartbeat.from_json(line) == heartbeat


def test_what_a_later_version_adds_does_not_stop_an_earlier_one(vitals):
    content = full(vitals).to_dict()
    assert Heartbeat.from_dict(content | {"colour": "red"}).rows == 10


@pytest.mark.parametrize("line", ["", "[]", "{}", "null", "17", '{"source": "office"}'])
def test_what_is_no_heartbeat_is_refused(line):
    with pytest.raises(DataError, match="a heartbeat must be"):
        Heartbeat.from_json(line)


def test_the_rate_is_that_of_the_last_ten_seconds(vitals, clocks):
    clocks.go(60)
    for _ in range(20):
        vitals.batch(rows=500)
        clocks.go(1)
    assert vitals.heartbeat().rows_per_second == pytest.approx(500, rel=0.11)
    clocks.go(11)
    assert vitals.heartbeat().rows_per_second == 0


def test_a_process_that_has_just_begun_does_not_boast(vitals):
    vitals.batch(rows=1000)
    assert vitals.heartbeat().rows_per_second == 1000


def test_lag_is_how_far_the_rows_are_behind(vitals, clocks):
    assert vitals.heartbeat().lag_seconds is None
    vitals.batch(rows=1, newest=NOON)
    clocks.go(3.5)
    assert vitals.heartbeat().lag_seconds == 3.5


@pytest.mark.parametrize(("behind", "later", "said"), [
    (0.25, 0, "lag 0.2 s"), (90, 7200, "lag 90 s"), (-7200, 0, "rows 2 h ahead of this clock"),
    (86_400, 0, "reading a log of 2026-03-02"),
])  # fmt: skip
def test_how_far_the_rows_are_behind_is_of_when_the_last_came(vitals, clocks, behind, later, said):
    assert vitals.heartbeat().how_far == "no lag known"
    clocks.go(behind)
    vitals.batch(rows=1, newest=NOON)
    clocks.go(later)
    heartbeat = vitals.heartbeat()
    assert heartbeat.how_far == said
    assert heartbeat.is_late == (behind == 90)
    vitals.stopped()
    assert vitals.heartbeat().how_far == said.replace("reading", "read")


def test_a_sink_of_an_earlier_run_is_left_out_unless_messages_wait_for_it(vitals):
    states = [
        SinkState("now"), SinkState("done", delivered=9), SinkState("left", waiting=2, trouble="x")
    ]  # fmt: skip
    vitals.sinks(states, present={"now"})
    found = {sink.called: sink.in_trouble for sink in vitals.heartbeat().sinks}
    assert found == {"now": False, "left (of an earlier run)": False}


def test_counts_go_on_after_a_restart(vitals, clocks):
    full(vitals)
    state = json.loads(json.dumps(vitals.to_dict()))
    again = Vitals("office", clock=lambda: clocks.wall, ticks=lambda: clocks.tick)
    again.go_on(state)
    again.batch(rows=5, opened=2, now_open=2)
    heartbeat = again.heartbeat()
    assert (heartbeat.rows, heartbeat.refused, heartbeat.alerts) == (15, 2, 3)
    assert heartbeat.incidents == {"opened": 3, "open": 2}
    assert heartbeat.newest == NOON


def test_it_is_quiet_when_nothing_comes_whatever_the_wall_clock_says(vitals, clocks):
    vitals.batch(rows=1)
    clocks.go(599)
    assert vitals.state == "running"
    clocks.wall -= 3600
    clocks.go(2)
    assert vitals.heartbeat().state == "quiet"
    vitals.batch(refused=5)
    assert vitals.state == "quiet", "a line that is refused is no connection"
    vitals.batch(rows=1)
    assert vitals.state == "running"
    vitals.stopped()
    assert vitals.heartbeat().state == "stopped"


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_text_is_a_short_printable_line(vitals, text):
    vitals.notice(text)
    vitals.sinks([SinkState(text, trouble=text)])
    heartbeat = vitals.heartbeat()
    for told in (*heartbeat.notices, heartbeat.sinks[0].name, heartbeat.sinks[0].trouble):
        assert told.isprintable()
        assert len(told) <= 300
    assert len(heartbeat.to_json()) < 10_000


def test_of_many_notices_the_newest_are_kept(vitals):
    for number in range(50):
        vitals.notice(f"notice {number}")
    assert vitals.heartbeat().notices == tuple(f"notice {n}" for n in range(45, 50))

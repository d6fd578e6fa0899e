"""A watcher that has died is missed by others; one that was stopped is not."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from some_alerts import NOON

from oddwire.live.vitals.dead_man import silent_watchers
from oddwire.live.vitals.heartbeat import Heartbeat

NOW = NOON / 1e6


def beat(ago, state="running", source="office", content=None):
    made = Heartbeat(source=source, at=NOON - round(ago * 1e6), state=state, pid=4242)
    return SimpleNamespace(
        source=source, at=NOW - ago, content=made.to_json() if content is None else content
    )


@pytest.mark.parametrize(("found", "is_silent"), [
    (beat(59), False), (beat(61), True), (beat(3600, "quiet"), True), (beat(5, "quiet"), False),
    (beat(3600, "stopped"), False), (beat(-59), False), (beat(-3600), True),
    (beat(61, content="{"), True), (beat(59, content=""), False), (beat(61, content="[1]"), True),
])  # fmt: skip
def test_an_old_heartbeat_is_a_dead_watcher(found, is_silent):
    silent = silent_watchers([found], NOW, 60)
    assert len(silent) == is_silent
    for one in silent:
        assert (one.source, one.since, one.last.source) == ("office", found.at, "office")


def test_each_source_has_its_own():
    beats = [beat(5, source="a"), beat(100, source="b"), beat(100, "stopped", "c"), beat(99)]
    assert [one.source for one in silent_watchers(beats, NOW, 60)] == ["b", "office"]


def test_it_says_since_when_and_of_a_clock_that_was_set_that():
    (one,) = silent_watchers([beat(300)], NOW)
    assert one.problem(NOW) == (
        "no heartbeat for 5 min, since 2026-03-02 11:55:00 UTC: what watched it has died or hangs "
        "(process 4242)"
    )
    assert "5 min ahead of this clock" in replace(one, since=NOW + 300).problem(NOW)

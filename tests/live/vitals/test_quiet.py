"""Sinks are told once that nothing comes, and once that it goes on."""

import json

import pytest
from some_alerts import NOON

from oddwire.live.vitals.quiet import due
from oddwire.live.vitals.vitals import Vitals


class Time:
    now = 0.0

    def wall(self):
        return NOON / 1e6 + self.now

    def tick(self):
        return self.now


@pytest.fixture
def time():
    return Time()


def watcher(time, kept=None):
    vitals = Vitals("office", quiet_minutes=10, clock=time.wall, ticks=time.tick)
    if kept is not None:
        vitals.go_on(json.loads(json.dumps(kept)))
    return vitals


def told(vitals):
    quiet = due(vitals)
    if quiet is None:
        return None
    assert due(vitals).id == quiet.id, "until it is told, the same is due"
    vitals.told(quiet)
    return quiet.what, (quiet.at - quiet.since) / 60e6


def test_a_quiet_source_is_told_once_and_its_end_once(time):
    vitals = watcher(time)
    vitals.batch(rows=1)
    heard = []
    for minute in range(60):
        time.now = 60.0 * minute
        if minute in {25, 26}:
            vitals.batch(rows=1)
        heard.append(told(vitals))
    assert [(minute, said) for minute, said in enumerate(heard) if said] == [
        (10, ("quiet", 10)), (25, ("going on", 25)), (36, ("quiet", 10)),
    ]  # fmt: skip


def test_a_source_that_never_says_anything_is_told_too(time):
    vitals = watcher(time)
    time.now = 601.0
    assert told(vitals) == ("quiet", 601 / 60)


def test_a_restart_neither_ends_it_nor_tells_it_again(time):
    vitals = watcher(time)
    time.now = 700.0
    assert told(vitals)
    again = watcher(time, vitals.to_dict())
    assert told(again) is None
    time.now = 1500.0
    assert told(again) is None
    again.batch(refused=3)
    assert told(again) is None
    again.batch(rows=1)
    assert told(again) == ("going on", 25)
    assert told(again) is None


def test_beginning_and_end_are_two_messages_and_the_next_time_is_another(time):
    vitals, ids = watcher(time), []
    for _ in range(2):
        vitals.batch(rows=1)
        time.now += 1000.0
        ids.append(due(vitals).id)
        vitals.told(due(vitals))
        vitals.batch(rows=1)
        ids.append(due(vitals).id)
        vitals.told(due(vitals))
    assert len(set(ids)) == 4
    assert all(len(one) == 32 for one in ids)

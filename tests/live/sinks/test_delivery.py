"""Deliveries: a sink that is slow, down or full of refusals holds up nobody but itself."""

from __future__ import annotations

import statistics
import time
from contextlib import contextmanager

import command_line
import pytest
from live_runs import message
from sink_servers import Hook, Lines, free_port, syslog_tcp, webhook

from oddwire.live.sinks import Deliveries, Delivery, Undelivered, Unreachable
from oddwire.live.sinks.json_lines import JsonLines
from oddwire.live.sinks.syslog import Syslog
from oddwire.live.sinks.webhook import Webhook
from oddwire.live.state import Commit, Following, Policy, Store


def said(numbers):
    return Commit(b"", messages=tuple(message(number) for number in numbers))


@contextmanager
def opened(tmp_path, sinks, policies=None, **options):
    policies = {name: Policy() for name in sinks} | (policies or {})
    store = Store(f"sqlite:///{tmp_path / 'alerts.db'}", source="office", sinks=policies)
    with store, Deliveries(store, sinks, longest_pause=0.2, **options) as deliveries:
        yield store, deliveries


def state(store, name):
    return next(one for one in store.states() if one.name == name)


def wait_until(true):
    command_line.wait_until(true, 30, "the sink is so far")


def bodies(lines):
    """Return what a syslog server was sent: what was sent again differs in its time."""
    return [one.partition(b"\xef\xbb\xbf")[2].decode() for one in lines.messages()]


class Dead:
    """A sink that takes nothing, or nothing yet."""

    most = 10

    def __init__(self, error=None):
        self.error = error or Unreachable("nobody answers")
        self.got = []

    def deliver(self, messages, place):
        if self.error:
            raise self.error
        self.got += messages
        return place

    def close(self):
        pass


def test_sinks_that_were_down_get_everything_when_they_are_back(tmp_path):
    hook, lines = Hook(free_port()), Lines(free_port())
    sinks = {
        "hook": Webhook(hook.address, seconds=1.0),
        "syslog": Syslog("127.0.0.1", lines.port, seconds=1.0),
        "file": JsonLines(tmp_path / "alerts.jsonl"),
    }
    with opened(tmp_path, sinks) as (store, deliveries):
        made = store.commit(said(range(20)), after=Following())
        deliveries.wake()
        wait_until(lambda: state(store, "file").delivered == 20)
        wait_until(lambda: min(state(store, one).failures for one in ("hook", "syslog")) > 2)
        assert "refused" in state(store, "hook").trouble
        with webhook(hook), syslog_tcp(lines):
            wait_until(lambda: state(store, "hook").delivered == 20)
            wait_until(lambda: state(store, "syslog").delivered == 20)
        store.commit(said(range(20, 30)), after=made.following)
        deliveries.wake()
        wait_until(lambda: state(store, "hook").failures > 0)
        with webhook(hook), syslog_tcp(lines):
            assert deliveries.drain(30)
            wait_until(lambda: len(set(bodies(lines))) == 30)
        assert [one.dead + one.dropped for one in store.states()] == [0, 0, 0]
    assert list(dict.fromkeys(hook.ids)) == [message(number).id for number in range(30)]
    assert list(dict.fromkeys(bodies(lines))) == [message(number).body for number in range(30)]
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 30


def test_a_message_that_is_refused_is_a_dead_letter_and_the_next_ones_arrive(tmp_path):
    hook = Hook(free_port(), answers=[(204, {}), (422, {}), (204, {})])
    with webhook(hook), opened(tmp_path, {"hook": Webhook(hook.address)}) as (store, deliveries):
        store.commit(said(range(4)), after=Following())
        deliveries.wake()
        assert deliveries.drain(30)
        found = state(store, "hook")
    assert (found.delivered, found.dead) == (3, 1)
    assert hook.ids == [message(number).id for number in range(4)]


def test_a_message_that_a_server_fails_over_is_tried_ten_times(tmp_path):
    hook = Hook(free_port(), answers=[(500, {})] * 10 + [(204, {})])
    with webhook(hook), opened(tmp_path, {"hook": Webhook(hook.address)}) as (store, deliveries):
        store.commit(said(range(2)), after=Following())
        deliveries.wake()
        assert deliveries.drain(30)
        found = state(store, "hook")
    assert (found.delivered, found.dead) == (1, 1)
    assert hook.ids == [message(0).id] * 10 + [message(1).id]
    assert found.trouble == ""


def test_tries_are_counted_over_restarts(tmp_path):
    dead = Dead(ValueError("a defect"))
    store = Store(f"sqlite:///{tmp_path / 'a.db'}", source="office", sinks={"dead": Policy()})
    with store:
        store.commit(said([1]), after=Following())
        for _ in range(2):
            with pytest.raises(ValueError, match="a defect"):
                Delivery(store, "dead", dead, most_tries=3).deliver_once()
        assert Delivery(store, "dead", dead, most_tries=3).deliver_once()
        assert (state(store, "dead").dead, state(store, "dead").waiting) == (1, 0)


def test_a_dead_sink_is_never_given_up_for_not_answering(tmp_path):
    dead = Dead()
    store = Store(f"sqlite:///{tmp_path / 'a.db'}", source="office", sinks={"dead": Policy()})
    with store:
        store.commit(said([1]), after=Following())
        for _ in range(30):
            with pytest.raises(Undelivered):
                Delivery(store, "dead", dead).deliver_once()
        assert (state(store, "dead").failures, state(store, "dead").dead) == (30, 0)


@pytest.mark.parametrize(
    ("policy", "longest"),
    [
        (Policy("wait", most_waiting=20, longest_wait=0.6), 0.6),
        (Policy("sample", most_waiting=20), 0.0),
        (Policy("drop_oldest", most_waiting=20), 0.0),
    ],
    ids=lambda value: value.when_full if isinstance(value, Policy) else "",
)
def test_a_dead_sink_holds_nothing_up_for_longer_than_its_policy_says(tmp_path, policy, longest):
    sinks = {"dead": Dead(), "file": JsonLines(tmp_path / "alerts.jsonl")}
    with opened(tmp_path, sinks, {"dead": policy}) as (store, deliveries):
        following, waited, given_up = Following(), 0.0, frozenset()
        for number in range(20):
            began = time.monotonic()
            given_up = deliveries.wait_for_room()
            waited += time.monotonic() - began
            made = store.commit(
                said(range(5 * number, 5 * number + 5)), after=following, given_up=given_up
            )
            following = made.following
            deliveries.wake()
        wait_until(lambda: state(store, "file").delivered == 100)
        found = state(store, "dead")
        assert longest <= waited < longest + 0.6  # all twenty together
        assert given_up == ({"dead"} if policy.when_full == "wait" else set())
        # What is being delivered (at most ten) is beyond every policy's reach.
        assert found.waiting == 20
        assert found.dropped == 80
        sinks["dead"].error = None
        wait_until(lambda: state(store, "dead").delivered == 20)
    assert len(sinks["dead"].got) == 20


def test_a_sink_that_takes_something_is_waited_for_again(tmp_path):
    dead = Dead()
    policy = Policy("wait", most_waiting=5, longest_wait=0.3)
    with opened(tmp_path, {"dead": dead}, {"dead": policy}) as (store, deliveries):
        made = store.commit(said(range(5)), after=Following())
        assert deliveries.wait_for_room() == {"dead"}
        assert deliveries.wait_for_room() == {"dead"}
        dead.error = None
        assert deliveries.drain(30)
        dead.error = Unreachable("again")
        store.commit(said(range(5, 10)), after=made.following)
        began = time.monotonic()
        assert deliveries.wait_for_room() == {"dead"}
        assert time.monotonic() - began >= 0.3


def test_a_sink_that_hangs_does_not_keep_the_process_from_ending(tmp_path):
    hook = Hook(free_port(), slow=5.0)
    with webhook(hook):
        sinks = {"hook": Webhook(hook.address, seconds=30.0)}
        with opened(tmp_path, sinks) as (store, deliveries):
            store.commit(said([1]), after=Following())
            deliveries.wake()
            time.sleep(0.5)
            began = time.monotonic()
            assert not deliveries.stop(0.5)
            assert time.monotonic() - began < 2


def test_what_a_sink_says_is_kept_as_one_line_without_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("ODDWIRE_SINK_TOKEN", "tok3n-of-nobody")
    dead = Dead(Unreachable("no\x1b[2J\n https://joe:hunter2@x tok3n-of-nobody" + "y" * 999))
    with opened(tmp_path, {"dead": dead}) as (store, deliveries):
        store.commit(said([1]), after=Following())
        deliveries.wake()
        wait_until(lambda: state(store, "dead").failures > 0)
        trouble = state(store, "dead").trouble
    assert trouble.isprintable()
    assert len(trouble) <= 300
    assert "hunter2" not in trouble
    assert "tok3n" not in trouble


@pytest.mark.slow
def test_an_outbox_of_a_hundred_thousand_is_emptied_in_order(tmp_path):
    """What a sink finds that was away for a week; commits go on while it is so long."""
    file = JsonLines(tmp_path / "alerts.jsonl")
    policies = {"file": Policy(most_waiting=200_000), "short": Policy("drop_oldest", 100_000)}
    store = Store(f"sqlite:///{tmp_path / 'alerts.db'}", source="office", sinks=policies)
    took = []
    with store:
        following = Following()
        for start in range(0, 101_000, 1000):
            began = time.monotonic()
            following = store.commit(said(range(start, start + 1000)), after=following).following
            took.append(time.monotonic() - began)
        assert store.waiting("file") == 101_000
        found = state(store, "short")
        assert (found.waiting, found.dropped) == (100_000, 1000)
        assert statistics.median(took[-10:]) < 10 * statistics.median(took[:10]) + 0.5
        delivery = Delivery(store, "file", file)
        while delivery.deliver_once():
            pass
        file.close()
        assert (state(store, "file").waiting, state(store, "file").delivered) == (0, 101_000)
    with (tmp_path / "alerts.jsonl").open() as lines:
        assert all(line == message(number).body + "\n" for number, line in enumerate(lines))
    assert number_of_lines(tmp_path / "alerts.jsonl") == 101_000


def number_of_lines(file):
    return file.read_bytes().count(b"\n")

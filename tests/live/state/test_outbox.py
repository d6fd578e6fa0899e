"""Policies: what is dropped when a sink takes less than there is to say, and that it is counted."""

from __future__ import annotations

import pytest
from live_runs import message

from oddwire.live.alerts.alert import hashed_id
from oddwire.live.state import Commit, Following, Message, Policy, Store

pytestmark = pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")


def said(numbers, after=None):
    return Commit(b"", messages=tuple(message(number) for number in numbers))


def numbers_in(waiting):
    return [next(n for n in range(2000) if message(n).id == one.id) for one in waiting.messages]


@pytest.fixture
def opened(address):
    stores = []

    def opened(policy):
        stores.append(Store(address, source="office", sinks={"file": policy}, patience=1.0))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


def test_drop_oldest_keeps_the_newest_and_counts(opened):
    store = opened(Policy("drop_oldest", most_waiting=4))
    made = store.commit(said(range(6)), after=Following())
    later = store.commit(said(range(6, 8)), after=made.following)
    assert (made.dropped, later.dropped) == (2, 2)
    assert store.states()[0].dropped == 4
    assert numbers_in(store.take("file", 9)) == [4, 5, 6, 7]


def test_a_sample_is_even_and_the_same_however_it_was_committed(opened, tmp_path):
    store = opened(Policy("sample", most_waiting=50))
    store.commit(said(range(400)), after=Following())
    kept = numbers_in(store.take("file", 99))
    assert len(kept) == 50
    assert kept == sorted(kept)
    assert 15 <= sum(number < 200 for number in kept) <= 35
    address = f"sqlite:///{tmp_path / 'other.db'}"
    with Store(address, source="office", sinks={"file": Policy("sample", 50)}) as other:
        following = Following()
        for start in range(0, 400, 20):
            made = other.commit(said(range(start, start + 20)), after=following)
            following = made.following
        assert numbers_in(other.take("file", 99)) == kept
        assert other.states()[0].dropped == 350


def test_wait_drops_nothing_until_the_sink_is_given_up(opened):
    store = opened(Policy("wait", most_waiting=4))
    made = store.commit(said(range(6)), after=Following())
    assert (made.dropped, store.waiting("file")) == (0, 6)
    made = store.commit(said(range(6, 8)), after=made.following, given_up={"file"})
    assert made.dropped == 4
    assert numbers_in(store.take("file", 9)) == [4, 5, 6, 7]


@pytest.mark.parametrize("when_full", ["drop_oldest", "sample"])
def test_what_is_being_delivered_is_never_dropped(opened, when_full):
    store = opened(Policy(when_full, most_waiting=3))
    made = store.commit(said(range(3)), after=Following())
    taken = store.take("file", 2)
    store.commit(said(range(3, 9)), after=made.following)
    assert store.take("file", 9) == taken
    store.delivered("file", taken, "here")
    state = store.states()[0]
    assert (state.delivered, state.waiting, state.dropped) == (2, 1, 6)
    assert store.take("file", 9).place == "here"


def test_dead_letters_are_kept_counted_and_can_be_put_back(opened):
    store = opened(Policy())
    store.commit(said(range(3)), after=Following())
    store.buried("file", store.take("file", 2), "it answered 400")
    state = store.states()[0]
    assert (state.dead, state.waiting, state.trouble) == (2, 1, "it answered 400")
    assert store.revived("file") == 2
    assert store.states()[0].dead == 0
    assert numbers_in(store.take("file", 9)) == [2, 0, 1]


def test_failures_are_counted_until_something_is_taken(opened):
    store = opened(Policy())
    store.commit(said([1]), after=Following())
    taken = store.take("file", 1)
    store.failed("file", taken, "no answer", counted=False)
    since = store.states()[0].since
    store.failed("file", taken, "it answered 500", counted=True)
    state = store.states()[0]
    assert (state.failures, state.trouble, state.since) == (2, "it answered 500", since)
    assert since is not None
    assert store.take("file", 1).tries == 1
    store.delivered("file", taken, "")
    state = store.states()[0]
    assert (state.failures, state.trouble, state.since) == (0, "", None)


def test_hostile_text_comes_out_as_it_went_in(opened):
    hostile = (
        '{"host": "\\u0000<script>\\u001b[2J\N{RIGHT-TO-LEFT OVERRIDE}\'; DROP TABLE alerts;--"}'
    )
    store = opened(Policy())
    sent = Message(hashed_id("message", hostile), "alert", hostile)
    store.commit(Commit(b"\0\xff", {"units": b"\0\xff"}, messages=(sent,)), after=Following())
    assert store.take("file", 1).messages == (sent,)
    assert store.following() == Following(1, b"\0\xff", {"units": b"\0\xff"})

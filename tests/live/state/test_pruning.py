"""Retention: what is old goes a portion at a time, and never what waits or has a label."""

from __future__ import annotations

import pytest
from live_runs import message
from sqlalchemy import create_engine, select, text
from sqlalchemy import table as table_of

from oddwire.live.alerts.alert import hashed_id
from oddwire.live.state import (
    Commit,
    Following,
    Message,
    MoreAlerts,
    Policy,
    Store,
    StoredAlert,
    StoredIncident,
)

pytestmark = pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")

DAY = 86_400.0
NOW = 100 * DAY


def incident(name, *, closed, alerts=3):
    """Return an incident of some alerts and the messages that tell of it."""
    found = tuple(
        StoredAlert(hashed_id("alert", name, str(one)), (closed or NOW) - 900, "{}", name)
        for one in range(alerts)
    )
    opened = (closed or NOW) - 1000
    told = tuple(
        Message(hashed_id("message", name, what), "incident", "{}", name)
        for what in ("opened", "closed")
    )
    return StoredIncident(name, opened, opened + 100, "{}", closed, alerts), found, told


def committed(store, *incidents, after=None, loose=()):
    kept, found, told = zip(*incidents, strict=True)
    made = Commit(b"", alerts=sum(found, ()), incidents=kept, messages=(*sum(told, ()), *loose))
    return store.commit(made, after=after or Following()).following


def deliver_all(store):
    while (found := store.take("file", 1000)).entries:
        store.delivered("file", found, "")


def prune_all(store, **options):
    portions = []
    while gone := store.prune(keep_days=30, now=NOW, **options):
        portions.append(gone)
        assert len(portions) < 1000
    return portions


@pytest.fixture
def store(address):
    with Store(address, source="office", sinks={"file": Policy()}, patience=1.0) as store:
        yield store


@pytest.fixture
def left(address):
    def left(table):
        engine = create_engine(address)
        with engine.connect() as connection:
            found = connection.scalars(select(text("*")).select_from(table_of(table))).all()
        engine.dispose()
        return sorted(found)

    return left


def test_old_closed_incidents_go_with_all_that_is_theirs(store, left):
    young, open_ = incident("young", closed=NOW - 29 * DAY), incident("open", closed=None)
    committed(store, incident("old", closed=NOW - 31 * DAY), young, open_)
    deliver_all(store)
    assert sum(prune_all(store)) == 3 + 2 + 1
    assert left("incidents") == ["open", "young"]
    assert left("alerts") == sorted(one.id for one in (*young[1], *open_[1]))
    assert left("messages") == sorted(one.id for one in (*young[2], *open_[2]))


def test_what_waits_in_an_outbox_stays_with_its_incident(store, left):
    committed(store, incident("old", closed=NOW - 31 * DAY), loose=(message(1),))
    deliver_all(store)
    waits = incident("waits", closed=NOW - 40 * DAY)
    committed(store, waits, after=store.following())
    assert prune_all(store) == [6]
    assert left("incidents") == ["waits"]
    assert left("alerts") == sorted(one.id for one in waits[1])
    assert len(store.take("file", 9).messages) == 2


def test_dead_letters_go_with_their_incident_alone(store, left):
    committed(store, incident("young", closed=NOW), incident("old", closed=NOW - 31 * DAY))
    store.buried("file", store.take("file", 9), "it answered 400")
    assert len(left("dead_letters")) == 4
    prune_all(store)
    assert len(left("dead_letters")) == 2
    assert store.revived("file") == 2
    assert {one.incident for one in store.take("file", 9).messages} == {"young"}


def test_what_is_labelled_stays(store, left):
    one, other = (incident(name, closed=NOW - 31 * DAY) for name in ("one", "other"))
    suppressed = [
        StoredAlert(hashed_id("alert", str(number)), NOW - 31 * DAY, "{}", "", "backups")
        for number in range(3)
    ]
    made = committed(store, one, other, incident("third", closed=NOW - 31 * DAY))
    store.commit(Commit(b"", alerts=tuple(suppressed)), after=made)
    deliver_all(store)
    prune_all(store, keep={one[1][1].id, "other", suppressed[1].id})
    assert left("incidents") == ["one", "other"]
    kept = (*one[1], *other[1], suppressed[1])
    assert left("alerts") == sorted(alert.id for alert in kept)


def test_portions_are_small_and_nothing_is_forgotten(store, left):
    names = [f"scan {number}" for number in range(20)]
    ages = {name: 40 * DAY - number for number, name in enumerate(names)}
    committed(store, *(incident(name, closed=NOW - ages[name], alerts=45) for name in names))
    deliver_all(store)
    portions = prune_all(store, most=50)
    assert max(portions) <= 51
    assert sum(portions) == 20 * (45 + 2 + 1)
    assert left("alerts") == left("messages") == left("incidents") == []


def test_sources_prune_their_own(store, address, left):
    committed(store, incident("office", closed=NOW - 31 * DAY))
    deliver_all(store)
    with Store(address, source="lab", patience=1.0) as lab:
        assert prune_all(lab) == []
    assert left("incidents") == ["office"]


def test_messages_of_no_incident_go_by_this_machine_s_clock(store, left, monkeypatch):
    store.commit(Commit(b"", messages=(message(1),)), after=Following())
    deliver_all(store)
    assert prune_all(store) == []
    monkeypatch.setattr("oddwire.live.state.store.time.time", lambda: 1e12)
    assert prune_all(store) == [1]
    assert left("messages") == []


def test_alerts_that_are_kept_together_go_with_their_incident_a_portion_at_a_time(store, left):
    old, young = incident("a" * 32, closed=NOW - 31 * DAY), incident("b" * 32, closed=None)
    following = committed(store, old, young)
    for name in ("a" * 32, "b" * 32, "a" * 32):
        made = Commit(b"", more_alerts=(MoreAlerts(name, 9, b"nine"),))
        following = store.commit(made, after=following).following
    deliver_all(store)
    assert len(left("more_alerts")) == 3
    assert len(prune_all(store, most=3)) > 2
    assert [len(left(name)) for name in ("more_alerts", "alerts", "incidents")] == [1, 3, 1]

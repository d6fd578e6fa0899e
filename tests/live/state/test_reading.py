"""Reading: lists with filters and pages, ids by their beginning, and never a file that was not."""

from __future__ import annotations

import itertools
import json
import os
import random
import sqlite3
import zlib
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Thread

import pytest
from live_runs import batch
from sqlalchemy import create_engine, event, text

from oddwire.errors import NoStoreError, NotStoredError, ParameterError, ServiceError
from oddwire.live.alerts.alert import hashed_id
from oddwire.live.state import (
    STORE_VARIABLE,
    AlertStore,
    Beat,
    Commit,
    Following,
    Policy,
    Store,
    StoredAlert,
    StoredIncident,
)
from oddwire.live.state.reading import lists
from oddwire.live.state.suppressing import Suppressions

pytestmark = pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")

KINDS = ("scan", "beacon", "unusual")
SOURCES = ("lab", "office")
HOUR = 3600.0


@dataclass(frozen=True)
class Place:
    seconds: float
    id: str


def some_alerts(source, number, chance):
    """Return alerts of which many have the same time."""
    return tuple(
        StoredAlert(
            hashed_id("alert", source, str(one)),
            seen=float(chance.randrange(50)),
            content=json.dumps({"n": one}),
            incident="" if one % 7 == 0 else hashed_id("incident", source, str(one % 11)),
            suppressed="backups" if one % 7 == 0 else "",
            severity=chance.randint(1, 4),
            kind=chance.choice(KINDS),
            source_address=f"10.0.{chance.randrange(3)}.{chance.randrange(20)}",
            destination=f"fe80::{chance.randrange(9)}",
        )
        for one in range(number)
    )


def some_incidents(source, chance):
    return tuple(
        StoredIncident(
            hashed_id("incident", source, str(one)),
            opened=float(chance.randrange(4)) * HOUR,
            updated=5 * HOUR,
            content="{}",
            closed=None if one % 3 == 0 else 6 * HOUR,
            severity=chance.randint(1, 4),
            kind=chance.choice(KINDS),
        )
        for one in range(11)
    )


@pytest.fixture
def kept(address):
    """Fill a store with two sources; return what it holds of each."""
    chance = random.Random(3)
    held = {}
    for source in SOURCES:
        held[source] = some_alerts(source, 200, chance), some_incidents(source, chance)
        with Store(address, source=source, sinks={"file": Policy()}) as store:
            made = Commit(b"", alerts=held[source][0], incidents=held[source][1])
            store.commit(made, after=Following())
            store.beat(f'{{"source": "{source}"}}')
    return held


@pytest.fixture
def store(address, kept):
    with AlertStore(address) as store:
        yield store


def paged(ask, time, limit):
    """Return all pages of a list, one behind the other."""
    found, after = [], None
    while page := ask(limit=limit, after=after):
        assert len(page) <= limit
        found += page
        after = Place(getattr(page[-1], time), page[-1].id)
    return found


def meets(one, source, asked):
    """Tell whether an alert or incident is what is asked for: plainly, to compare with."""
    time = getattr(one, "seen", getattr(one, "opened", None))
    return (
        asked.get("source") in {None, source}
        and ("severity" not in asked or one.severity in asked["severity"])
        and asked.get("kind") in {None, one.kind}
        and asked.get("since", time) <= time < asked.get("until", time + 1)
        and ("suppressed" not in asked or bool(one.suppressed) == asked["suppressed"])
        and ("state" not in asked or (one.closed is None) == (asked["state"] == "open"))
    )


CHOICES = {
    "source": ("office",),
    "severity": ((3, 4), (2,)),
    "kind": ("beacon",),
    "since": (10.0,),
    "until": (2.5 * HOUR, 30.0),
}


def every_question(more):
    choices = CHOICES | more
    for names in itertools.product(*(((), (name,)) for name in choices)):
        chosen = [name for (name,) in filter(None, names)]
        for values in itertools.product(*(choices[name] for name in chosen)):
            yield dict(zip(chosen, values, strict=True))


def test_alerts_are_listed_by_any_filters_the_newest_first(store, kept):
    every = [(one, source) for source in SOURCES for one in kept[source][0]]
    for asked in every_question({"suppressed": (True, False)}):
        expected = [one for one, source in every if meets(one, source, asked)]
        expected.sort(key=lambda one: (one.seen, one.id), reverse=True)
        assert store.alerts(**asked, limit=1000) == expected, asked
        assert store.alerts(**asked, limit=7) == expected[:7]


def test_incidents_are_listed_by_any_filters_the_newest_first(store, kept):
    every = [(one, source) for source in SOURCES for one in kept[source][1]]
    for asked in every_question({"state": ("open", "closed")}):
        expected = [one for one, source in every if meets(one, source, asked)]
        expected.sort(key=lambda one: (one.opened, one.id), reverse=True)
        assert store.incidents(**asked, limit=1000) == expected, asked


def test_incidents_are_counted_as_they_are_listed(store, monkeypatch):
    addresses = {"address": ("10.0.1.7", "10.0.1.*", "fe80::*")}
    for asked in every_question({"state": ("open", "closed"), **addresses}):
        whole = store.incidents(**asked, limit=1000)
        assert store.count_incidents(**asked) == len(whole), asked
        assert store.count_incidents(**asked, most=2) == min(len(whole), 2), asked
        for place, one in enumerate(whole, 1):
            down_to = Place(one.opened, one.id)
            assert store.count_incidents(**asked, down_to=down_to) == place, asked
    monkeypatch.setattr(lists, "_BROAD", 2)
    assert store.count_incidents(address="fe80::*") is None, "each would be looked at"


def test_suppressed_alerts_are_those_that_are_listed_as_such(store, kept, address):
    (first, *_), _ = kept["office"]
    assert first.suppressed
    assert store.suppressed() == {
        source: len(store.alerts(source=source, suppressed=True, limit=1000)) for source in SOURCES
    }
    before = store.suppressed()["office"]
    with Suppressions(address) as writer:
        writer.write([replace(first, suppressed="")])
    assert store.suppressed()["office"] == before - 1
    with Store(address, source="office") as writer:
        assert writer.suppressed() == before - 1


def test_the_incidents_of_alerts_are_found_at_once(store, kept):
    alerts = kept["office"][0]
    wanted = {one.id: one.incident for one in alerts if one.incident}
    assert store.incidents_of([*(one.id for one in alerts), "unknown"]) == wanted
    incidents = set(wanted.values())
    assert store.incidents_of(incidents) == {name: name for name in incidents}


@pytest.mark.parametrize("asked", [{}, {"kind": "scan"}, {"severity": (1, 4)}, {"address": "10."}])
def test_pages_have_every_row_once_though_many_have_one_time(store, asked):
    whole = store.alerts(**asked, limit=1000)
    assert len(whole) > 50
    assert paged(lambda **page: store.alerts(**asked, **page), "seen", 9) == whole


def test_pages_of_incidents_have_every_row_once(store):
    whole = store.incidents(limit=100)
    assert len(whole) == 22
    assert paged(store.incidents, "opened", 4) == whole


def test_pages_stay_what_they_are_while_new_rows_come(store, address):
    first = store.alerts(limit=10)
    whole = store.alerts(limit=1000)
    newer = StoredAlert(hashed_id("alert", "new"), 1000.0, "{}")
    with Store(address, source="office") as writer:
        writer.commit(Commit(b"", alerts=(newer,)), after=writer.following())
    assert store.alerts(limit=1) == [newer]
    behind = Place(first[-1].seen, first[-1].id)
    assert store.alerts(limit=10, after=behind) == whole[10:20]


def test_the_alerts_of_an_incident_begin_with_the_first(store, kept):
    name = hashed_id("incident", "lab", "4")
    expected = [one for one in kept["lab"][0] if one.incident == name]
    expected.sort(key=lambda one: (one.seen, one.id))
    assert paged(lambda **page: store.alerts_of(name, **page), "seen", 5) == expected
    newest_first = expected[::-1]
    assert store.alerts(incident=name, limit=99) == newest_first
    scans = [one for one in newest_first if one.kind == "scan"]
    assert store.alerts(incident=name, kind="scan", source="lab", limit=99) == scans
    assert store.alerts(incident=name, source="office", limit=99) == []


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ("10.0.1.2", lambda text: text == "10.0.1.2"),
        ("10.0.1.1*", lambda text: text.startswith("10.0.1.1")),
        ("10.0.1.", lambda text: text.startswith("10.0.1.")),
        ("fe80::", lambda text: text == "fe80::"),
        ("fe80::1", lambda text: text == "fe80::1"),
        ("fe80::*", lambda text: text.startswith("fe80::")),
        ("10%", lambda text: text == "10%"),
    ],
)
@pytest.mark.parametrize("broad", [1, 2_000])
def test_an_address_is_whole_or_a_beginning(store, kept, asked, fits, broad, monkeypatch):
    monkeypatch.setattr(lists, "_BROAD", broad)
    alerts = [one for source in SOURCES for one in kept[source][0]]
    expected = [one for one in alerts if fits(one.source_address) or fits(one.destination)]
    found = store.alerts(address=asked, limit=1000)
    assert sorted(found, key=lambda one: one.id) == sorted(expected, key=lambda one: one.id)
    ids = {one.incident for one in expected} - {""}
    assert {one.id for one in store.incidents(address=asked, limit=99)} == ids
    severe = {one.id for one in store.incidents(address=asked, severity=(3, 4), limit=99)}
    assert severe == {
        one.id for source in SOURCES for one in kept[source][1]
        if one.id in ids and one.severity > 2
    }  # fmt: skip


@pytest.mark.parametrize("asked", ["1", "10", "10*", "::*", "%"])
def test_a_beginning_that_fits_most_addresses_is_refused(store, asked):
    for ask in (store.alerts, store.incidents):
        with pytest.raises(ParameterError, match="at least 3 letters that one begins with, got"):
            ask(address=asked)


def test_a_beginning_of_an_id_is_enough_where_no_other_begins_so(store, kept):
    alert, incident = kept["lab"][0][5], kept["lab"][1][5]
    assert store.alert(alert.id) == store.alert(alert.id[:9]) == alert
    assert store.incident(incident.id[:9]) == incident
    assert store.either(alert.id[:9]) == alert
    assert store.either(incident.id[:9]) == incident


@pytest.mark.parametrize("name", ["abc", "", "ABCD1234", "%", "' OR 1=1 --", "\x1b[2J", "zzzz"])
def test_what_is_no_id_is_refused(store, name):
    with pytest.raises(ParameterError, match=r"an alert must be at least 4 of the digits"):
        store.alert(name)


def test_an_unknown_id_says_that_it_may_have_been_deleted(store):
    for ask in (store.alert, store.incident, store.either):
        with pytest.raises(NotStoredError, match="'ffff0000': it was never raised, or it was del"):
            ask("ffff0000")


def test_an_ambiguous_beginning_names_what_it_may_mean(address):
    ids = ["abcd" + f"{number:028x}" for number in range(5)]
    with Store(address, source="lab") as writer:
        alerts = tuple(StoredAlert(one, 1.0, "{}") for one in ids)
        writer.commit(Commit(b"", alerts=alerts), after=Following())
    with AlertStore(address) as store:
        with pytest.raises(ParameterError, match=f"got 'abcd', with which {ids[0]}, .* and more"):
            store.alert("abcd")
        assert store.alert(ids[3]).id == ids[3]


def test_heartbeats_of_all_sources(store, address):
    found = store.heartbeats()
    assert [one.source for one in found] == ["lab", "office"]
    assert json.loads(found[1].content) == {"source": "office"}
    with Store(address, source="office") as writer:
        writer.beat('{"n": 2}')
    later = store.heartbeats()
    assert later[0] == found[0]
    assert later[1] == Beat("office", later[1].at, '{"n": 2}')
    assert later[1].at >= found[1].at


def test_where_nothing_was_watched_no_file_is_made(tmp_path, monkeypatch):
    file = tmp_path / "folder" / "alerts.db"
    with pytest.raises(NoStoreError, match=r"alerts.db.* is not there yet: `oddwire watch SOURCE`"):
        AlertStore(f"sqlite:///{file}")
    assert list(tmp_path.iterdir()) == []
    file = tmp_path / "empty.db"
    file.touch()
    monkeypatch.setenv(STORE_VARIABLE, f"sqlite:///{file}")
    with pytest.raises(NoStoreError, match=f"of {STORE_VARIABLE} "):
        AlertStore(f"sqlite:///{file}")
    assert file.stat().st_size == 0


@pytest.mark.slow
@pytest.mark.parametrize("address", ["postgresql"], indirect=True)
def test_an_empty_server_is_told_and_left_empty(address):
    with pytest.raises(NoStoreError, match="is not there yet"):
        AlertStore(address)
    engine = create_engine(address)
    with engine.connect() as connection:
        tables = connection.scalar(
            text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        )
    engine.dispose()
    assert tables == 0


def test_a_store_of_another_version_is_told(address, kept):
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE oddwire_live SET version = 99"))
    engine.dispose()
    with pytest.raises(ServiceError, match=r"version 3, got version 99, .*labels/ stay"):
        AlertStore(address)


def test_reading_goes_on_while_a_follower_writes(tmp_path):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    done, seen = [], []
    with Store(address, source="office", patience=0) as writer:
        writer.commit(batch(0), after=Following())

        def follow():
            for number in range(1, 60):
                writer.commit(batch(number), after=writer.following())
            done.append(True)

        thread = Thread(target=follow)
        thread.start()
        with AlertStore(address, patience=0) as store:
            while not done:
                found = store.alerts(limit=10_000)
                seen.append(len(found))
                assert len(found) % 3 == 0  # whole commits alone
        thread.join(60)
    assert seen == sorted(seen)
    assert len(set(seen)) > 1


def test_a_reader_of_a_killed_follower_s_store_sees_its_last_commit_and_writes_nothing(tmp_path):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    if os.fork() == 0:
        writer = Store(address, source="office")
        writer.commit(batch(0), after=Following())
        os._exit(0)
    os.wait()
    assert (tmp_path / "alerts.db-wal").stat().st_size > 0
    with AlertStore(address) as store:
        assert len(store.alerts()) == 3
        with pytest.raises(ServiceError, match="readonly"):
            store._database.write(lambda one: one.exec_driver_sql("DELETE FROM alerts"))


NOTHING = zlib.compress(b"{}")  # an empty content, as the store holds it


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Return a store with 100,000 alerts, of which few are of the rare sorts."""
    file = tmp_path_factory.mktemp("full") / "alerts.db"
    with Store(f"sqlite:///{file}", source="office") as writer:
        writer.commit(Commit(b""), after=Following())
    with closing(sqlite3.connect(file)) as database:
        numbers = range(100_000)
        database.executemany(
            "INSERT INTO alerts VALUES (?, 'office', ?, ?, ?, ?, ?, ?, '10.9.9.9', ?)",
            (
                (
                    hashed_id("alert", str(one)), float(one), f"i{one // 10}",
                    "known" if one == 7 else "", 4 if one == 8 else 1,
                    "beacon" if one == 9 else "scan", f"10.0.0.{one % 200}", NOTHING,
                )
                for one in numbers
            ),
        )  # fmt: skip
        database.executemany(
            "INSERT INTO incidents VALUES (?, 'office', ?, ?, ?, 10, ?, ?, ?)",
            (
                (
                    f"i{one}", one * 10.0, one * 10.0, None if one == 3 else one * 10.0,
                    4 if one == 4 else 1, "beacon" if one == 5 else "scan", NOTHING,
                )
                for one in range(10_000)
            ),
        )  # fmt: skip
        database.commit()
    return f"sqlite:///{file}"


def test_the_index_of_few_rows_is_the_newest_which_sqlite_takes(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'alerts.db'}", source="office"):
        pass
    with closing(sqlite3.connect(tmp_path / "alerts.db")) as database:
        names = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'alerts' "
            "ORDER BY rowid"
        ).fetchall()
    assert names[-1] == ("alerts_suppressed",)


RARE = [
    ("alerts", {}),
    ("alerts", {"source": "office"}),
    ("alerts", {"suppressed": True}),
    ("alerts", {"suppressed": False}),
    ("alerts", {"severity": (3, 4)}),
    ("alerts", {"kind": "beacon", "source": "office"}),
    ("alerts", {"kind": "beacon", "severity": (1, 2)}),
    ("alerts", {"incident": "i77", "severity": (1,)}),
    ("alerts", {"until": 5.0}),
    ("alerts", {"address": "10.0.0.200"}),
    ("alerts", {"kind": "scan", "after": Place(1000.0, "f")}),
    ("alerts_of", {"incident": "i77"}),
    ("incidents", {}),
    ("incidents", {"state": "open"}),
    ("incidents", {"state": "closed", "until": 50.0}),
    ("incidents", {"severity": (3, 4)}),
    ("incidents", {"kind": "beacon"}),
    ("incidents", {"state": "open", "kind": "scan"}),
    ("incidents", {"state": "open", "severity": (1,)}),
    ("count_incidents", {"state": "open", "kind": "scan"}),
    ("incidents", {"address": "10.0.0.200"}),
    ("incidents", {"address": "10.9."}),  # all alerts
    ("incidents", {"kind": "scan", "after": Place(1000.0, "f")}),
    ("count_incidents", {"most": 1000}),
    ("count_incidents", {"most": 1000, "kind": "scan", "down_to": Place(1000.0, "f")}),
    ("count_incidents", {"severity": (3, 4)}),
    ("count_incidents", {"state": "open"}),
    ("count_incidents", {"address": "10.9."}),
    ("count_incidents", {"address": "10.0.0.200"}),
    ("suppressed", {}),
    ("incidents_of", {"ids": ["abcdef0123"]}),
    ("alert", {"name": "abcdef0123"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "asked"), RARE, ids=str)
def test_no_list_looks_at_all_rows(full, what, asked):
    plans, work = [], []
    with AlertStore(full) as store:
        engine = store._database.engine

        @event.listens_for(engine, "before_cursor_execute")
        def before(connection, cursor, statement, parameters, *_):
            raw = connection.connection.driver_connection
            if statement.startswith("SELECT"):
                plans.extend(raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall())
            raw.set_progress_handler(lambda: work.append(1), 1000)

        try:
            getattr(store, what)(**asked)
        except NotStoredError:
            assert what == "alert"
    passed_over = ("SCAN followers", "SCAN anon", "LIST")
    said = [step[-1] for step in plans if not step[-1].startswith(passed_over)]
    assert any("INDEX" in step for step in said)
    assert not any(step.startswith("SCAN") and "INDEX" not in step for step in said), said
    assert len(work) < 60, said  # thousands of SQLite's steps: all rows are more than 100

"""The store: all of a commit or nothing, by one process, and everything once."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from threading import Thread

import pytest
from live_runs import batch, message
from sqlalchemy import create_engine, event, func, select, text
from sqlalchemy import table as table_of

from oddwire.errors import OddwireError, ParameterError, ServiceError
from oddwire.live.state import (
    STORE_VARIABLE,
    Commit,
    Following,
    Policy,
    Store,
    store_address,
)

# XDG_RUNTIME_DIR: on a bare machine, harmless.
pytestmark = pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")


@pytest.fixture
def opened(address):
    """Open stores at one address."""
    stores = []

    def opened(source="office", **options):
        options = {"sinks": {"file": Policy(), "hook": Policy()}, "patience": 1.0, **options}
        stores.append(Store(address, source=source, **options))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


def counts(address):
    engine = create_engine(address)
    with engine.connect() as connection:
        found = {
            table: connection.scalar(select(func.count()).select_from(table_of(table)))
            for table in ("alerts", "incidents", "messages", "outbox")
        }
    engine.dispose()
    return found


def test_what_was_committed_is_there_when_it_is_opened_again(opened, address):
    store = opened()
    assert store.following() == Following()
    made = store.commit(batch(0), after=store.following())
    made = store.commit(batch(1), after=made.following)
    found = opened().following()
    assert found == made.following
    assert found == Following(2, b"2", {"windows": b"w", "units": b"1"})
    assert counts(address) == {"alerts": 6, "incidents": 1, "messages": 6, "outbox": 12}


def test_carried_state_that_a_commit_leaves_out_stays(opened):
    store = opened()
    one = store.commit(Commit(b"a", {"windows": b"1", "units": b"2"}), after=Following())
    store.commit(Commit(b"b", {"units": b"3"}), after=one.following)
    assert opened().following() == Following(2, b"b", {"windows": b"1", "units": b"3"})


def test_what_is_seen_again_is_neither_kept_nor_said_again(opened, address):
    store = opened()
    first = store.commit(batch(0), after=Following())
    once = counts(address)
    store.commit(batch(0), after=first.following)
    assert counts(address) == once == {"alerts": 3, "incidents": 1, "messages": 3, "outbox": 6}


def test_one_message_twice_in_a_commit_is_said_once(opened):
    store = opened()
    store.commit(Commit(b"a", messages=(message(1), message(1))), after=Following())
    assert store.waiting("file") == 1


def test_a_commit_that_fails_in_its_middle_keeps_nothing(opened, address):
    store = opened()
    first = store.commit(batch(0), after=Following())
    before = counts(address)
    broken = dataclasses.replace(batch(1), messages=(dataclasses.replace(message(9), body=None),))
    with pytest.raises(OddwireError):
        store.commit(broken, after=first.following)
    assert counts(address) == before
    assert opened().following() == first.following
    store.commit(batch(1), after=first.following)
    assert counts(address)["alerts"] == 6


def test_a_second_follower_of_a_source_is_told_and_keeps_nothing(opened, address):
    one, other = opened(), opened()
    there = other.following()
    one.commit(batch(0), after=one.following())
    before = counts(address)
    with pytest.raises(ServiceError, match="'office' is followed by another process too"):
        other.commit(batch(5), after=there)
    assert counts(address) == before


def test_sources_share_a_store_and_nothing_else(opened):
    office, lab = opened("office"), opened("lab")
    office.commit(Commit(b"o", {"units": b"1"}, messages=(message(1),)), after=Following())
    lab.commit(Commit(b"l", messages=(message(2),)), after=Following())
    assert office.following() == Following(1, b"o", {"units": b"1"})
    assert lab.following() == Following(1, b"l")
    assert [one.messages for one in (office.take("file", 9), lab.take("file", 9))] == [
        (message(1),), (message(2),),
    ]  # fmt: skip


def test_a_commit_whose_answer_was_lost_is_not_made_twice(opened, address):
    """As when a server is lost between keeping a commit and saying so."""
    from sqlalchemy.exc import OperationalError

    store = opened(patience=20.0)
    lost = []
    engine = store._database.engine
    commit = engine.dialect.do_commit

    def do_commit(connection):
        commit(connection)
        if not lost:
            lost.append(True)
            raise OperationalError("COMMIT", {}, Exception("database is locked"))

    engine.dialect.do_commit = do_commit
    made = store.commit(batch(0), after=Following())
    assert lost
    assert made.following == opened().following()
    assert counts(address) == {"alerts": 3, "incidents": 1, "messages": 3, "outbox": 6}


def test_commits_and_deliveries_at_the_same_time_lose_nothing(opened):
    store = opened(patience=60.0)
    taken = []

    def deliver():
        while len(taken) < 90:
            found = store.take("file", 7)
            taken.extend(found.messages)
            if found.entries:
                store.delivered("file", found, "")

    thread = Thread(target=deliver)
    thread.start()
    following = Following()
    for number in range(30):
        following = store.commit(batch(number), after=following).following
    thread.join(60)
    assert taken == [message(number) for number in range(90)]
    state = {one.name: one for one in store.states()}
    assert (state["file"].waiting, state["file"].delivered) == (0, 90)
    assert (state["hook"].waiting, state["hook"].delivered) == (90, 0)


def test_a_store_of_a_later_version_is_left_alone(opened, address):
    opened()
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE oddwire_live SET version = 99"))
    engine.dispose()
    with pytest.raises(ServiceError, match=r"version 3, got version 99, .*labels/ stay"):
        opened()


def test_the_store_is_a_file_unless_the_environment_names_another(monkeypatch, tmp_path):
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    assert store_address(tmp_path) == f"sqlite:///{tmp_path}/alerts.db"
    monkeypatch.setenv(STORE_VARIABLE, "postgresql://db.example/alerts")
    assert store_address(tmp_path) == "postgresql://db.example/alerts"


@pytest.mark.parametrize(
    "address",
    ["mysql://joe:hunter2@db.example/alerts", "sqlite://", "hunter2", "http://a:hunter2@b"],
)
def test_another_kind_of_store_is_refused_without_its_password(address):
    with pytest.raises(ParameterError, match=f"{STORE_VARIABLE} must be sqlite") as raised:
        Store(address, source="office")
    assert "hunter2" not in str(raised.value)


def test_a_server_that_does_not_answer_is_told_without_its_password(monkeypatch):
    pytest.importorskip("psycopg2")
    address = "postgresql+psycopg2://joe:hunter2@127.0.0.1:1/alerts"
    monkeypatch.setenv(STORE_VARIABLE, address)
    with pytest.raises(ServiceError, match=f"of {STORE_VARIABLE} .* failed") as raised:
        Store(address, source="office", patience=0.1)
    assert "hunter2" not in str(raised.value)
    assert "//***@127.0.0.1" in str(raised.value)


def test_looking_waits_for_no_lock(tmp_path):
    """The page and the lists are read while a commit is being made."""
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    with Store(address, source="office", sinks={"file": Policy()}, patience=0) as store:
        writer = create_engine(address)
        event.listen(writer, "connect", lambda one, _: setattr(one, "isolation_level", None))
        with writer.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            assert store.following() == Following()
            assert store.states()[0].waiting == 0
            connection.exec_driver_sql("ROLLBACK")
        writer.dispose()


def test_a_database_of_something_else_is_left_alone(tmp_path):
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE runs (id TEXT)")
    before = file.read_bytes()
    with pytest.raises(ServiceError, match="a database of its own, got one that holds the table"):
        Store(f"sqlite:///{file}", source="office")
    assert file.read_bytes() == before


def test_a_store_that_nobody_could_go_on_from_is_refused():
    with pytest.raises(ParameterError, match="must be sqlite:///FILE"):
        Store("sqlite:///:memory:", source="office")

"""A store that cannot be read gives a page that says so, and the page goes on when it can."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from contextlib import closing

import pytest
from page_visits import Visitor, fill, text_of
from some_alerts import some_alert

PATHS = ("/", "/watchers", "/incidents/abcdef", "/alerts/abcdef", "/api/incidents")
DOWN = (503,) * len(PATHS)


def told(address, statuses=DOWN):
    """Return what all pages say, which is the same."""
    said = set()
    for path, status in zip(PATHS, statuses, strict=True):
        answer = Visitor(address).ask(path)
        assert answer.status_code == status, answer.text
        assert "Traceback" not in answer.text
        if path.startswith("/api"):
            assert set(answer.json()) == {"error"}
        else:
            said.add(text_of(answer.text))
    (one,) = said
    return one


@pytest.fixture
def file(tmp_path):
    return tmp_path / "alerts.db"


@pytest.fixture
def address(file):
    return f"sqlite:///{file}"


def test_a_store_that_is_not_there_yet(address, file):
    page = told(address, (200, 200, 404, 404, 503))
    assert "Nothing has been watched yet" in page
    assert "oddwire watch SOURCE" in page
    assert not file.exists()
    fill(address, [some_alert("1")])
    assert Visitor(address).ask("/").status_code == 200


def test_a_store_that_is_put_in_the_place_of_another_is_read(address, file, tmp_path):
    visitor = Visitor(address)
    fill(address, [some_alert("1", unit="10.0.0.1")])
    assert "10.0.0.1" in visitor.see("/")
    other = tmp_path / "other.db"
    fill(f"sqlite:///{other}", [some_alert("1", unit="10.0.0.2")])
    shutil.move(other, file)
    assert "10.0.0.2" in visitor.see("/")


def test_a_store_of_another_version(address, file):
    fill(address, [])
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE oddwire_live SET version = 99")
    assert "got version 99" in told(address)


def test_a_file_that_is_no_store(address, file):
    file.write_bytes(b"no database" * 100)
    assert "file is not a database" in told(address)


def test_a_store_that_is_locked(address, file):
    fill(address, [some_alert("1")])
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")
        answer = Visitor(address).ask("/")
        assert answer.status_code == 503
        assert "database is locked" in answer.text
    assert Visitor(address).ask("/").status_code == 200


@pytest.mark.slow
def test_a_postgresql_that_is_down():
    pytest.importorskip("psycopg2")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    answer = Visitor(f"postgresql+psycopg2://me:s3cret@127.0.0.1:{port}/alerts").ask("/")
    assert answer.status_code == 503
    assert "the store of alerts" in text_of(answer.text)
    assert "s3cret" not in answer.text


@pytest.mark.parametrize("address", ["mysql://me:s3cret@db/alerts", "nonsense", "sqlite://"])
def test_an_address_that_is_none(address):
    page = told(address)
    assert "must be sqlite:///FILE or postgresql://" in page
    assert "s3cret" not in page

"""A fault of the machine has one line with place and cause; a defect stays a defect."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy

from oddwire.errors import DataError, ServiceError
from oddwire.faults import fault_of, faults_as_errors


def caught(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError


def fill():
    with Path("/dev/full").open("w") as file:
        file.write("x" * 100_000)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_named_where_the_error_names_no_file():
    assert fault_of(caught(fill), place="data/work") == "data/work: No space left on device"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_an_error_of_the_disk_names_its_file(number):
    error = OSError(number, "whatever", "/srv/mlruns/x")
    assert fault_of(error).startswith("/srv/mlruns/x: ")


def read_only(tmp_path):
    file = tmp_path / "x.db"
    sqlite3.connect(file).execute("create table t (a)")
    engine = sqlalchemy.create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("insert into t values (:secret)"), {"secret": "s3cret"})


def test_a_database_says_why_and_shows_no_sql(tmp_path):
    error = caught(lambda: read_only(tmp_path))
    assert "INSERT" in str(error).upper()
    assert fault_of(error) == "attempt to write a readonly database"


def test_a_locked_database_is_told(tmp_path):
    file = tmp_path / "x.db"
    holder = sqlite3.connect(file)
    holder.execute("begin exclusive")
    error = caught(lambda: sqlite3.connect(file, timeout=0).execute("create table t (a)"))
    holder.close()
    assert fault_of(error, place=file) == f"{file}: database is locked"


class LibraryError(Exception):
    """A library's own error around another one."""


LibraryError.__module__ = "some.library"


def broken(number):
    raise OSError(number, "whatever", "/srv/x")


def wrapped():
    try:
        broken(errno.EROFS)
    except OSError as error:
        raise LibraryError from error


def test_a_fault_that_a_library_wrapped_is_found():
    assert fault_of(caught(wrapped)) == "/srv/x: Read-only file system"
    text = LibraryError("3 files failed:\n##### a: [Errno 28] No space left on device: '/srv/y'")
    assert fault_of(text) == "/srv/y: No space left on device"


def defect():
    try:
        broken(errno.EACCES)
    except OSError:
        _ = {}["missing"]


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"), FileNotFoundError(2, "no", "x")])
def test_what_is_no_fault_of_the_machine_stays_what_it_is(error):
    def fail():
        with faults_as_errors():
            raise error

    with pytest.raises(type(error)):
        fail()
    assert fault_of(caught(defect)) == ""


def test_an_error_that_is_told_already_passes():
    def fail():
        with faults_as_errors():
            raise DataError("a row")

    with pytest.raises(DataError, match="a row"):
        fail()


def test_a_fault_becomes_one_line_that_says_what_cannot_be_done():
    def fail():
        with faults_as_errors(doing="the scores cannot be written"):
            raise OSError(errno.ENOSPC, "No space left on device", "/srv/x")

    with pytest.raises(ServiceError, match=r"^the scores cannot be written: /srv/x: No space"):
        fail()

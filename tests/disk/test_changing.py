"""A file that others write is read again when it has changed, and only then."""

from __future__ import annotations

import pytest

from oddwire.disk.changing import ChangingFile
from oddwire.errors import DataError


@pytest.fixture
def table(tmp_path):
    """A file, what it says, and how often that was read."""
    file, reads = tmp_path / "table", []

    def read(one):
        reads.append(one)
        text = one.read_text() if one.exists() else "nothing"
        if text == "damaged":
            raise DataError("it is damaged")
        return text

    return file, ChangingFile(file, read), reads


def test_what_has_not_changed_is_read_once(table):
    file, changing, reads = table
    assert [changing.content() for _ in range(3)] == ["nothing"] * 3
    file.write_text("one")
    assert [changing.content() for _ in range(3)] == ["one"] * 3
    file.write_text("other")
    assert changing.content() == "other"
    file.unlink()
    assert changing.content() == "nothing"
    assert len(reads) == 4


def test_a_damaged_file_is_an_error_each_time_until_it_is_mended(table):
    file, changing, _ = table
    file.write_text("damaged")
    for _ in range(3):
        with pytest.raises(DataError, match="it is damaged"):
            changing.content()
    file.write_text("mended")
    assert changing.content() == "mended"


def test_a_file_that_could_not_be_opened_for_once_is_read_the_next_time(tmp_path):
    faults = [DataError("too many open files")]

    def read(file):
        if faults:
            raise faults.pop()
        return file.name

    changing = ChangingFile(tmp_path / "table", read)
    with pytest.raises(DataError, match="too many"):
        changing.content()
    assert changing.content() == "table"

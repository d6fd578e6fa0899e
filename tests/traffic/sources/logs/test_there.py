"""Log files that are there: identified once, and read as they were identified."""

from __future__ import annotations

import gzip
import os

import pytest

from oddwire.errors import DataError
from oddwire.traffic.sources.logs.contents import begins_with, identify
from oddwire.traffic.sources.logs.there import files_there, held, remember


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "conn.log"
    file.write_bytes(b"one line\n" * 5000)
    return file


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_a_content_is_the_same_however_it_is_compressed(file, tmp_path):
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert identify(packed) == identify(file)
    assert identify(packed, most=10) == identify(file)  # of a compressed file it says nothing
    assert identify(file, most=18).size == 18


@pytest.mark.parametrize(
    ("begin", "cut"),
    [
        (b"one line\nand a half", "the last line has no end"),
        (b"\xd4\xc3\xb2\xa1", ""),  # a capture has no lines
        (b"PAR1", ""),
    ],
)
def test_only_a_file_of_lines_is_cut_off_in_one(file, begin, cut):
    file.write_bytes(begin + b"\x00" * 300)
    assert identify(file).cut == cut


@pytest.mark.parametrize("size", [0, 1, 9, 256, 300, 16_384, 20_000, 44_999, 45_000])
def test_a_file_begins_with_its_own_beginning_and_no_other(file, size):
    beginning = identify(file, most=size)
    assert begins_with(file, size, beginning.digest)
    assert all(identify(file).heads[name] == head for name, head in beginning.heads.items())
    file.write_bytes(b"0ne line\n" * 5000)
    assert begins_with(file, size, beginning.digest) is (size == 0)


@pytest.mark.parametrize("age", [0, 3600])
def test_a_file_that_was_replaced_is_told_by_its_name(file, scratch, tmp_path, age):
    os.utime(file, ns=(0, file.stat().st_mtime_ns - age * 10**9))
    (there,) = files_there([file, tmp_path / "gone.log"], tmp_path / "known.json")
    file.write_bytes(b"another file\n" * 5000)
    with (
        pytest.raises(DataError, match=r"conn\.log was replaced while it was read"),
        held(there, scratch),
    ):
        pass
    assert not list(scratch.iterdir())


def test_a_file_that_stands_still_is_read_itself(file, scratch, tmp_path):
    os.utime(file, ns=(0, file.stat().st_mtime_ns - 3600 * 10**9))
    known = tmp_path / "known.json"
    files = files_there([file], known)
    with held(files[0], scratch) as read:
        assert read == file
    remember(files, known)
    file.rename(tmp_path / "conn.1.log")
    (again,) = files_there([tmp_path / "conn.1.log"], known)
    assert again.content == files[0].content

"""Files of new traffic: found by name, pattern or folder, and known again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from oddwire.errors import DataError
from oddwire.operations.drift.new_traffic.current_files import CurrentFile, current_files


@pytest.fixture
def incoming(tmp_path):
    folder = tmp_path / "incoming"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.csv", "a.csv", ".c.csv", "notes.txt", "deeper/a.csv"):
        (folder / name).write_text(name)
    return folder


def found(pattern, root):
    return [
        file.path.relative_to(root).as_posix()
        for file in current_files(str(pattern), root=root, origin="drift.current")
    ]


def test_a_file_a_pattern_and_a_folder_give_their_files_in_order_of_name(incoming):
    root = incoming.parent
    assert found("incoming/b.csv", root) == ["incoming/b.csv"]
    assert found("incoming/*.csv", root) == ["incoming/a.csv", "incoming/b.csv"]
    assert found(incoming, root) == ["incoming/a.csv", "incoming/b.csv", "incoming/notes.txt"]
    assert found("incoming/**/a.csv", root) == ["incoming/a.csv", "incoming/deeper/a.csv"]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [("none.csv", "none.csv matches no file"), ("empty", "empty holds no file")],
)
def test_where_there_is_no_file_the_place_is_named(tmp_path, pattern, says):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=f"drift.current .*{says}"):
        current_files(pattern, root=tmp_path, origin="drift.current")


@pytest.mark.parametrize("pattern", ["~nobody-here/a.csv", "a" * 300, "a/" * 3000])
def test_a_place_that_cannot_be_looked_at_is_one_sentence(tmp_path, pattern):
    with pytest.raises(DataError, match=r"^drift\.current (begins|must) ") as caught:
        current_files(pattern, root=tmp_path, origin="drift.current")
    assert len(str(caught.value)) < 500


def test_a_file_is_known_again_by_its_stamp_and_a_copy_by_its_content(incoming):
    file = incoming / "a.csv"
    first = CurrentFile.at(file)
    content = first.digest()
    assert CurrentFile.at(file) == first
    os.utime(file, (0, 0))
    touched = CurrentFile.at(file)
    assert touched.stamp != first.stamp
    assert touched.digest() == content
    copy = shutil.copy(file, incoming / "copy.csv")
    assert CurrentFile.at(Path(copy)).digest() == content
    file.write_text("other rows")
    assert CurrentFile.at(file).digest() != content


def test_a_pipe_and_a_device_are_named_and_no_pattern(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for place, says in (("pipe.csv", "is a named pipe"), ("/dev/zero", "is a device")):
        with pytest.raises(DataError, match=says):
            current_files(place, root=tmp_path, origin="drift.current")


def test_a_stamp_is_kept_as_it_is_shown(tmp_path):
    file = tmp_path / os.fsdecode(b"to\x1b[31mday\xff.csv")
    file.write_text("a\n1\n")
    stamp = current_files(str(file), root=tmp_path, origin="drift.current")[0].stamp
    assert stamp.isprintable()
    assert stamp == CurrentFile.at(file).stamp

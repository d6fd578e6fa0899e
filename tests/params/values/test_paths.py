"""A path that can be none, or leads to nothing that ends, is told in one line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from oddwire.errors import ParameterError
from oddwire.params import check_params
from oddwire.params.values.paths import file_fault, path_fault


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("x" * 300, "names of at most 255 bytes, got one of 300"),
        ("ж" * 200, "names of at most 255 bytes, got one of 400"),
        ("/x" * 3000, "must be at most 4095 bytes long, got 6000"),
        ("~nobody-is-called-so/x", "begins with ~nobody-is-called-so, and there is no such user"),
        ("a\0b", "must hold no zero byte"),
        ("", "must name a file"),
        ("\ud800.csv", "must be text"),
    ],
)
@pytest.mark.parametrize("key", ["train", "test"])
def test_a_path_that_can_be_none_is_told_by_the_settings(path, says, key):
    block = {"format": "table", "train": "a.csv", key: path}
    with pytest.raises(ParameterError, match=rf"sources\.mine\.{key}: ") as raised:
        check_params({"sources": {"mine": block}})
    assert says in str(raised.value)
    assert len(str(raised.value)) < 300
    with pytest.raises(ParameterError, match=r"drift\.current\.mine: ") as raised:
        check_params({
            "sources": {"mine": {"format": "simulated"}}, "drift": {"current": {"mine": path}},
        })  # fmt: skip
    assert says in str(raised.value)


def test_a_path_that_can_be_one_is_none_of_these():
    for path in ("a.csv", "~/a.csv", "/srv/данные/a b.csv", "a" * 255, os.fsdecode(b"\xff.csv")):
        assert path_fault(path) is None


def test_what_never_ends_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        faults = {path.name: file_fault(path) for path in tmp_path.iterdir()}
    assert faults.pop("file") is None
    assert {name: fault.partition(",")[0] for name, fault in faults.items()} == {
        "pipe": "is a named pipe",
        "zero": "is a device",
        "socket": "is a socket",
        "loop": "cannot be read: Too many levels of symbolic links",
    }
    assert file_fault(tmp_path) == "is a folder, not a file"
    assert file_fault(tmp_path / "none") == "does not exist"
    assert file_fault(Path("a\0b")).startswith("cannot be read")
    assert file_fault(tmp_path / ("x" * 300)).startswith("cannot be read")

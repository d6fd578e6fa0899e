"""Which files a source of logs has, in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oddwire.errors import DataError
from oddwire.params import ZeekSource
from oddwire.traffic.sources.reading.files import (
    broken_links,
    check_files,
    files_of,
    log_files,
    missing_files,
    paths_of,
)


def logs(*files):
    return ZeekSource(format="zeek", files=files)


def touch(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def names(source, root):
    return [str(file.relative_to(root)) for file in files_of(source, root=root).values()]


@pytest.mark.parametrize(
    "in_order",
    [
        ("conn.log.10.gz", "conn.log.2", "conn.log.1", "conn.log"),
        ("conn.log-20240609.gz", "conn.log-20240610", "conn.log"),
        ("2024-06-09/conn.23.log", "2024-06-10/conn.01.log", "current/conn.log"),
        ("conn.01:00:00-02:00:00.log.gz", "conn.12:00:00-13:00:00.log.gz"),
        ("eve.2.json", "eve.10.json"),
        ("nfcapd.202406100000", "nfcapd.202406100005"),
    ],
)
def test_files_of_a_rotated_log_come_from_the_oldest_to_the_newest(tmp_path, in_order):
    touch(tmp_path, *in_order)
    assert names(logs("**/*"), tmp_path) == list(in_order)
    assert names(logs(*reversed(in_order)), tmp_path) == list(in_order)


def test_a_file_that_is_named_twice_is_there_once(tmp_path):
    touch(tmp_path, "a/conn.log", "a/conn.1.log")
    (tmp_path / "b.log").symlink_to("a/conn.log")
    assert len(files_of(logs("a/*", "a/conn.log", "./a/../a/*.log", "*.log"), root=tmp_path)) == 2


def test_keys_are_names_of_files_and_stay_when_other_files_come(tmp_path):
    touch(tmp_path, "a/conn.log", "b/conn.log", "c/co\nn \udcff.log")
    before = files_of(logs("?/*"), root=tmp_path)
    assert len(before) == 3
    assert all(key.isascii() and key.isprintable() and " " not in key for key in before)
    touch(tmp_path, "0/conn.log", "a/conn.log.1")
    after = files_of(logs("?/*"), root=tmp_path)
    assert after.items() >= before.items()
    moved = tmp_path / "moved"
    moved.mkdir()
    touch(moved, "a/conn.log", "b/conn.log", "c/co\nn \udcff.log")
    assert list(files_of(logs("?/*"), root=moved)) == list(before)  # the project's place is free


def test_folders_and_what_stages_write_are_no_logs(tmp_path):
    touch(tmp_path, "a/conn.log", "data/raw/mine/conn.log", "data/ingested/mine/x.log")
    (tmp_path / "folder.log").mkdir()
    assert names(logs("**/*.log"), tmp_path) == ["a/conn.log"]


def test_asterisks_in_names_that_exist_are_meant_as_they_are(tmp_path):
    root = tmp_path / "pro[ject]*"
    touch(root, "conn[1].log", "conn1.log", "other.log")
    assert names(logs("conn[1].log"), root) == ["conn[1].log"]
    assert names(logs("conn*.log"), root) == ["conn1.log", "conn[1].log"]


def test_the_home_is_meant_by_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    touch(tmp_path, "logs/conn.log")
    assert names(logs("~/logs/*"), tmp_path) == ["logs/conn.log"]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("conn.log", r"its log file .*/conn\.log does not exist$"),
        ("logs/conn.*", r"no file matches .*/logs/conn\.\*: there is no folder .*/logs$"),
        ("there/conn.*", r"no file matches .*/there/conn\.\*$"),
        ("there", r"its log file .*/there is a folder, not a file$"),
        ("pipe*", r"its log file .*/pipe is a named pipe, not a file"),
        ("lost*", r"no file matches .*/lost\*: .*/lost is a link that leads to no file$"),
        ("lost", r"its log file .*/lost does not exist$"),
    ],
)
def test_a_pattern_without_a_file_is_an_error_that_names_it(tmp_path, pattern, says):
    (tmp_path / "there").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "lost").symlink_to("nowhere")
    with pytest.raises(DataError, match=rf"^source 'mine': {says}"):
        check_files(logs(pattern), root=tmp_path, name="mine")


def test_a_link_that_leads_nowhere_is_no_file_of_a_pattern_and_is_told(tmp_path):
    touch(tmp_path, "a.log")
    (tmp_path / "b.log").symlink_to("nowhere")
    (tmp_path / "c.log").symlink_to("a.log")
    source = logs("*.log", "?.log")
    assert list(check_files(source, root=tmp_path, name="mine").values()) == [tmp_path / "a.log"]
    assert broken_links(source.logs, root=tmp_path) == [tmp_path / "b.log"]
    assert broken_links(("a.log",), root=tmp_path) == []


def test_what_is_missing_is_told_as_it_is_written(tmp_path):
    touch(tmp_path, "a.log")
    source = logs("a.log", "b.log", "?.log", "c/*")
    assert missing_files(source, root=tmp_path) == ("b.log", "c/*")
    assert len(files_of(logs("a.log", "b.log", "c/*"), root=tmp_path, required=False)) == 1


def test_paths_that_are_looked_at_time_and_again_are_those_of_the_files(tmp_path):
    for name in ("conn.log", "conn.log.2", "conn.log.10.gz", "a/conn.log", "data/raw/x/conn.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "conn.log.d").mkdir()
    (tmp_path / "conn.log.gone").symlink_to(tmp_path / "nowhere")
    for patterns in (["conn.log*"], ["**/conn.log*"], ["conn.log", "*/conn.log", "absent"]):
        paths = [path for path in paths_of(patterns, root=tmp_path) if Path(path).is_file()]
        expected = log_files(patterns, root=tmp_path, required=False)
        assert paths == [str(file) for file in expected]
        assert expected

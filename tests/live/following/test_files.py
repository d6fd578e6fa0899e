"""What followers of files get wrong elsewhere."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import pytest
from rotating_writer import HEADER, LIMITS, Transactions, Writer, lines_of

from oddwire.live.following import Limits
from oddwire.live.following.files import FileFollower


def every(follower: FileFollower) -> tuple[list[bytes], list[str]]:
    lines: list[bytes] = []
    notices: list[str] = []
    while (batch := follower.poll()) is not None:
        lines += lines_of(batch)
        notices += batch.notices
    return lines, notices


OPENED: list[FileFollower] = []


@pytest.fixture(autouse=True)
def closed_files():
    """Leave no file open."""
    yield
    while OPENED:
        OPENED.pop().close()


def follow(folder: Path, *patterns: str, **options: object) -> FileFollower:
    follower = FileFollower(
        patterns or ["conn.log*"], root=folder,
        **{"from_start": True, "limits": LIMITS, **options},
    )  # fmt: skip
    OPENED.append(follower)
    return follower


def test_an_inode_that_is_used_again_is_another_log(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n2\tB\n")
    follower = follow(tmp_path)
    assert every(follower)[0] == [b"1\tA", b"2\tB"]
    follower.close()
    inode = path.stat().st_ino
    saved = dict(follower._position)
    with path.open("r+b") as file:  # the same inode, the same header, as many bytes
        file.write(HEADER + b"3\tC\n4\tD\n5\tE\n")
    assert path.stat().st_ino == inode
    lines, _ = every(follow(tmp_path, position=saved))
    assert lines == [b"3\tC", b"4\tD", b"5\tE"]


def test_a_log_truncated_in_place_is_read_from_its_start_and_that_is_said(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n2\tB\n")
    follower = follow(tmp_path)
    every(follower)
    path.write_bytes(HEADER + b"3\tC\n")
    lines, notices = every(follower)
    assert lines == [b"3\tC"]
    assert notices == [f"{path} was truncated after line 4 was read: it is read from its start"]


def test_a_restart_does_not_say_again_what_became_of_a_log(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n2\tB\n")
    follower = follow(tmp_path)
    every(follower)
    path.write_bytes(HEADER + b"3\tC\n")
    assert "truncated" in every(follower)[1][0]
    path.unlink()
    for _ in range(3):
        every(follower)
    again = follow(tmp_path, position=follower._position)
    assert [again.poll() for _ in range(4)] == [None] * 4


def test_a_log_truncated_while_nobody_followed_it_is_not_said_to_be_gone(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n2\tB\n")
    follower = follow(tmp_path)
    every(follower)
    left = "what it held after line 4 was not read, if there was any"
    for content, fate in ((b"", "was emptied"), (HEADER + b"3\tC\n", "holds another log now")):
        path.write_bytes(content)
        again = follow(tmp_path, position=follower._position)
        notices = [notice for _ in range(3) for notice in every(again)[1]]
        assert notices == [f"{path} {fate}; {left}"]


def test_a_log_truncated_to_nothing_and_written_far_beyond_is_read_from_its_start(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n2\tB\n")
    follower = follow(tmp_path)
    every(follower)
    path.write_bytes(HEADER + b"".join(b"%d\tC\n" % number for number in range(100, 200)))
    lines, notices = every(follower)
    assert lines == [b"%d\tC" % number for number in range(100, 200)]
    assert "truncated" in notices[0]


def test_a_rotated_log_is_read_to_its_end_before_the_next(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n")
    follower = follow(tmp_path)
    every(follower)
    with path.open("ab") as writer:
        path.rename(tmp_path / "conn.log.1")
        path.write_bytes(HEADER + b"4\tD\n")
        writer.write(b"2\tB\n3\tC\n")
    assert every(follower)[0] == [b"2\tB", b"3\tC", b"4\tD"]


def test_a_file_that_is_gone_is_read_to_its_end_while_it_is_open(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n")
    follower = follow(tmp_path)
    every(follower)
    with path.open("ab") as writer:
        path.unlink()
        writer.write(b"2\tB\n")
    path.write_bytes(HEADER + b"3\tC\n")
    assert every(follower)[0] == [b"2\tB", b"3\tC"]


def test_what_only_the_compressed_file_still_has_is_read_from_there(tmp_path):
    writer = Writer(tmp_path)
    reader = Transactions(["conn.log*"], tmp_path)
    writer.write(5)
    reader.step()
    reader.kill()
    writer.write(5)
    writer.rename()
    writer.compress()
    writer.write(5)
    writer.close()
    reader.finish()
    assert reader.lines == writer.written


def test_a_log_that_was_read_is_not_read_again_when_it_is_compressed_elsewhere(tmp_path):
    path = tmp_path / "current" / "conn.log"
    path.parent.mkdir()
    path.write_bytes(HEADER + b"1\tA\n2\tB\n")
    follower = follow(tmp_path, "current/conn.log", "2*/conn.*.gz")
    assert len(every(follower)[0]) == 2
    folder = tmp_path / "2026-11-27"
    folder.mkdir()
    (folder / "conn.13:00:00-14:00:00.log.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.write_bytes(HEADER + b"3\tC\n")
    assert every(follower)[0] == [b"3\tC"]
    again = follow(tmp_path, "current/conn.log", "2*/conn.*.gz", position=follower._position)
    assert every(again)[0] == []


def test_a_header_alone_is_no_twin_of_another(tmp_path):
    (tmp_path / "conn.1.log").write_bytes(HEADER)
    (tmp_path / "conn.2.log").write_bytes(HEADER)
    follower = follow(tmp_path, "conn.*.log")
    assert every(follower)[0] == []
    for number in (1, 2):
        with (tmp_path / f"conn.{number}.log").open("ab") as file:
            file.write(b"%d\tA\n" % number)
    assert every(follower)[0] == [b"1\tA", b"2\tA"]


def test_new_dated_folders_are_found_and_read_in_their_order(tmp_path):
    follower = follow(tmp_path, "*/conn.log")
    for day in (9, 10, 11):
        folder = tmp_path / f"day-{day}"
        folder.mkdir()
        (folder / "conn.log").write_bytes(HEADER + b"%d\tA\n" % day)
    assert every(follower)[0] == [b"9\tA", b"10\tA", b"11\tA"]


def test_a_partial_line_waits_and_offsets_are_those_of_line_ends(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n2\t")
    follower = follow(tmp_path)
    assert every(follower)[0] == [b"1\tA"]
    (reached,) = (one for key, one in follower._position.items() if key != "begun")
    assert reached["offset"] == len(HEADER + b"1\tA\n")
    with path.open("ab") as file:
        file.write(b"B\n")
    assert every(follower)[0] == [b"2\tB"]


def test_the_partial_last_line_of_a_rotated_log_is_handed_on_at_its_end(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n2\t")
    follower = follow(tmp_path)
    every(follower)
    path.rename(tmp_path / "conn.log.1")
    path.write_bytes(HEADER + b"3\tC\n")
    chunks = []
    while (batch := follower.poll()) is not None:
        chunks += batch.chunks
    assert [(chunk.block.data.removeprefix(HEADER), chunk.ends) for chunk in chunks] == [
        (b"2\t", True), (b"3\tC\n", False),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [101, 250, 5_000])
def test_a_line_longer_than_allowed_is_named_and_the_next_is_read(tmp_path, size):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n" + b"x" * size)
    follower = follow(tmp_path)
    assert every(follower)[0] == [b"1\tA"]
    with path.open("ab") as file:
        file.write(b"x\n2\tB\n")
    blocks = []
    while (batch := follower.poll()) is not None:
        blocks += [chunk.block for chunk in batch.chunks]
    assert b"".join(block.data for block in blocks) == b"\n2\tB\n"
    assert [number for block in blocks for number in block.too_long] == [4]
    assert blocks[-1].first + blocks[-1].lines == 6


def test_it_begins_at_the_end_with_the_heading_and_the_number_of_the_line(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n2\tB\n3")
    (tmp_path / "conn.log.1.gz").write_bytes(gzip.compress(HEADER + b"0\tZ\n"))
    follower = follow(tmp_path, from_start=False)
    assert every(follower)[0] == []
    with path.open("ab") as file:
        file.write(b"\tC\n")
    (chunk,) = follower.poll().chunks
    assert (chunk.block.first, chunk.block.data, chunk.heading) == (5, b"3\tC\n", HEADER)


def test_what_came_while_nobody_followed_is_read_even_if_nothing_was_there_before(tmp_path):
    follower = follow(tmp_path, from_start=False)
    position = follower.poll().position
    (tmp_path / "conn.log").write_bytes(HEADER + b"1\tA\n")
    assert every(follow(tmp_path, from_start=False, position=position))[0] == [b"1\tA"]


def test_a_pipe_or_a_folder_under_the_pattern_is_no_log(tmp_path):
    os.mkfifo(tmp_path / "conn.log.pipe")
    (tmp_path / "conn.log.d").mkdir()
    (tmp_path / "conn.log").write_bytes(HEADER + b"1\tA\n")
    assert every(follow(tmp_path))[0] == [b"1\tA"]


def test_a_log_that_vanished_unread_is_said(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n")
    follower = follow(tmp_path)
    every(follower)
    follower.close()
    path.unlink()
    again = follow(tmp_path, position=follower._position)
    assert again.poll() is None
    assert "conn.log is gone; what it held after line 3 was not read" in again.poll().notices[0]


def test_few_files_stay_open_and_positions_of_files_that_are_gone_are_forgotten(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("oddwire.live.following.files._MOST_OPEN", 5)
    monkeypatch.setattr("oddwire.live.following.files._MOST_GONE", 3)
    for number in range(40):
        (tmp_path / f"conn.{number}.log").write_bytes(HEADER + b"%d\tA\n" % number)
    follower = follow(tmp_path, "conn.*.log", limits=Limits(listing_seconds=0, still_seconds=0))
    lines, _ = every(follower)
    assert lines == [b"%d\tA" % number for number in range(40)]
    assert sum(log.is_open for log in follower._logs.values()) <= 5
    with (tmp_path / "conn.0.log").open("ab") as file:
        file.write(b"late\n")
    assert every(follower)[0] == [b"late"]
    for file in tmp_path.glob("conn.*.log"):
        file.unlink()
    every(follower)
    every(follower)
    assert len(follower._position) <= 1 + 3 + 5


@contextmanager
def one_who_may_not_read():
    """Be a user without rights, where that can be."""
    if os.geteuid() == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


def notices_until(follower, said, seconds=10):
    lines, notices, until = [], [], time.monotonic() + seconds
    while not any(said in one for one in notices):
        assert time.monotonic() < until, notices
        more, some = every(follower)
        lines, notices = lines + more, notices + some
    return lines, notices


def open_to_all(folder):
    """Let others into pytest's folders, and leave the one for everything temporary as it is."""
    for each in (folder, *folder.parents):
        if each == Path(gettempdir()):
            return
        each.chmod(0o755)


def test_a_file_that_may_not_be_read_is_said_once_and_read_when_it_may(tmp_path):
    open_to_all(tmp_path)
    one, two = tmp_path / "conn.1.log", tmp_path / "conn.2.log"
    one.write_bytes(HEADER + b"1\tA\n")
    two.write_bytes(HEADER + b"2\tB\n")
    one.chmod(0)
    with one_who_may_not_read():
        follower = follow(tmp_path, "conn.*.log")
        lines, notices = every(follower)
        for _ in range(3):
            assert follower.poll() is None
    assert lines == [b"2\tB"]
    assert notices == [f"{one}: Permission denied; it is read when it can be"]
    one.chmod(0o644)
    lines, notices = notices_until(follower, "again")
    assert (lines, notices) == ([b"1\tA"], [f"{one} can be read again"])


def test_a_rotated_log_that_may_not_be_read_holds_up_no_other(tmp_path):
    open_to_all(tmp_path)
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n")
    follower = follow(tmp_path)
    every(follower)
    follower.close()
    with path.open("ab") as file:
        file.write(b"2\tB\n")
    path.rename(tmp_path / "conn.log.1").chmod(0)
    path.write_bytes(HEADER + b"3\tC\n")
    with one_who_may_not_read():
        again = follow(tmp_path, position=follower._position)
        lines, notices = every(again)
    assert (lines, len(notices)) == ([b"3\tC"], 1)
    (tmp_path / "conn.log.1").chmod(0o644)
    assert notices_until(again, "again")[0] == [b"2\tB"]


def test_a_folder_that_is_not_there_is_said_and_read_when_it_comes(tmp_path):
    follower = follow(tmp_path, "today/conn.log")
    notices = every(follower)[1]
    there = tmp_path / "today" / "conn.log"
    said = f"today/conn.log: its log file {there} does not exist; it is read when it can be"
    assert notices == [said]
    assert follower.poll() is None
    (tmp_path / "today").mkdir()
    (tmp_path / "today" / "conn.log").write_bytes(HEADER + b"1\tA\n")
    lines, notices = every(follower)
    assert (lines, notices) == ([b"1\tA"], ["today/conn.log can be read again"])


def test_a_folder_that_goes_and_comes_back_is_gone_on_with(tmp_path):
    folder = tmp_path / "today"
    folder.mkdir()
    path = folder / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n")
    follower = follow(tmp_path, "today/conn.log")
    every(follower)
    folder.rename(tmp_path / "away")
    every(follower)
    (tmp_path / "away").rename(folder)
    with path.open("ab") as file:
        file.write(b"2\tB\n")
    assert every(follower)[0] == [b"2\tB"]


def test_no_rotation_is_taken_for_a_folder_that_is_gone(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n")
    follower = follow(tmp_path, "conn.log")
    every(follower)
    path.rename(tmp_path / "old")
    assert every(follower)[1] == []


def test_it_begins_below_the_newest_header(tmp_path):
    path, later = tmp_path / "conn.log", HEADER.replace(b"uid", b"id")
    path.write_bytes(HEADER + b"1\tA\n#close\n" + later + b"2\tB\n")
    follower = follow(tmp_path, from_start=False)
    every(follower)
    with path.open("ab") as file:
        file.write(b"3\tC\n")
    (chunk,) = follower.poll().chunks
    assert (chunk.block.first, chunk.block.data, chunk.heading) == (8, b"3\tC\n", later)


def test_a_copy_of_a_log_is_not_read_beside_it(tmp_path):
    path = tmp_path / "conn.log"
    path.write_bytes(HEADER + b"1\tA\n")
    shutil.copy(path, tmp_path / "conn.log.copy")
    follower = follow(tmp_path)
    assert every(follower)[0] == [b"1\tA"]
    assert every(follower)[0] == []

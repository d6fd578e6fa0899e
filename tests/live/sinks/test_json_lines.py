"""The file of JSON lines: every message once, whatever became of the file in the meantime."""

from __future__ import annotations

import json
import os

import pytest
from live_runs import fill, message

from oddwire.live.sinks import Unreachable
from oddwire.live.sinks.json_lines import JsonLines

FIRST, SECOND = (
    [message(number) for number in range(3)],
    [message(number) for number in range(3, 6)],
)


def text(messages):
    return "".join(f"{one.body}\n" for one in messages).encode()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "said" / "alerts.jsonl"


@pytest.fixture
def sink(file):
    sink = JsonLines(file)
    yield sink
    sink.close()


def test_messages_are_whole_lines_in_order(sink, file):
    sink.deliver(SECOND, sink.deliver(FIRST, ""))
    numbers = [json.loads(line)["number"] for line in file.read_text().splitlines()]
    assert numbers == list(range(6))


@pytest.mark.parametrize("before", [b"", b'{"of": "another day"}\n', b"somebody's torn li"])
@pytest.mark.parametrize("placed", [False, True], ids=["first delivery", "later delivery"])
def test_a_tail_torn_at_any_byte_is_mended(sink, file, before, placed):
    file.parent.mkdir()
    file.write_bytes(before)
    place, earlier = (sink.deliver(FIRST, ""), text(FIRST)) if placed else ("", b"")
    start = file.read_bytes()
    if not placed and before and not before.endswith(b"\n"):
        start += b"\n"
    for cut in (*range(40), *range(len(text(SECOND)) - 40, len(text(SECOND)) + 1)):
        for zeros in (b"", b"\0" * 9):  # what a power cut leaves of a longer file
            file.write_bytes(start + text(SECOND)[:cut] + zeros)
            after = sink.deliver(SECOND, place)
            assert file.read_bytes() == start + text(SECOND)
            assert json.loads(after)["length"] == len(start + text(SECOND))
    assert file.read_bytes().startswith(before)
    assert earlier in file.read_bytes()


def test_what_others_wrote_behind_is_never_cut(sink, file):
    place = sink.deliver(FIRST, "")
    with file.open("ab") as other:
        other.write(b"a note, without an end")
    place = sink.deliver(SECOND, place)
    wanted = text(FIRST) + b"a note, without an end\n" + text(SECOND)
    assert file.read_bytes() == wanted
    assert sink.deliver(SECOND, place)
    assert file.read_bytes() == wanted + text(SECOND)


def test_what_others_wrote_after_a_kill_hides_no_delivery(sink, file):
    place = sink.deliver(FIRST, "")
    sink.deliver(SECOND, place)  # and killed before it was noted
    with file.open("ab") as other:
        other.write(b"a note\n")
    after = sink.deliver(SECOND, place)
    assert file.read_bytes() == text(FIRST) + text(SECOND) + b"a note\n"
    assert json.loads(after)["length"] == len(text(FIRST) + text(SECOND))


def test_a_file_that_was_rotated_is_begun_anew(sink, file):
    place = sink.deliver(FIRST, "")
    file.rename(file.with_suffix(".jsonl.1"))
    sink.deliver(SECOND, place)
    assert file.read_bytes() == text(SECOND)
    assert file.with_suffix(".jsonl.1").read_bytes() == text(FIRST)


def test_a_file_that_was_emptied_in_place_is_begun_anew(sink, file):
    place = sink.deliver(FIRST, "")
    os.truncate(file, 0)
    place = sink.deliver(SECOND, place)
    sink.deliver(FIRST, place)
    assert file.read_bytes() == text(SECOND) + text(FIRST)


def test_two_never_write_to_one_file(sink, file):
    sink.deliver(FIRST, "")
    other = JsonLines(file)
    with pytest.raises(Unreachable, match=r"alerts\.jsonl: another process writes to it"):
        other.deliver(SECOND, "")
    sink.close()
    other.deliver(SECOND, "")
    other.close()
    assert file.read_bytes() == text(FIRST) + text(SECOND)


def test_a_folder_in_the_place_of_the_file_is_told(sink, file):
    file.mkdir(parents=True)
    with pytest.raises(Unreachable, match=r"alerts\.jsonl: Is a directory"):
        sink.deliver(FIRST, "")


def test_a_full_disk_is_told_and_when_it_has_room_nothing_is_lost_or_twice(small_disk):
    file = small_disk / "alerts.jsonl"
    sink = JsonLines(file)
    place = sink.deliver(FIRST, "")
    long = [message(number, "x" * 3000) for number in range(10)]
    fill(small_disk / "filler")
    for _ in range(3):
        with pytest.raises(Unreachable, match="No space left on device"):
            sink.deliver(long, place)
    assert 0 < file.stat().st_size < len(text(FIRST + long))
    (small_disk / "filler").unlink()
    sink.deliver(long, place)
    sink.close()
    assert file.read_bytes() == text(FIRST + long)

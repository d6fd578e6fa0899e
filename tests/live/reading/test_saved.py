"""Positions are small, also of a source with thousands of files, and are gone on from."""

from __future__ import annotations

import pytest
from growing_logs import zeek_line, zeek_log

from oddwire.live.reading.saved import Positions, Saved, from_bytes
from oddwire.params import ZeekSource

CLOSED = {"closed": [1, 2, 3, 400, 300, 50_000, 900, 0]}
OPEN = {"number": 7, "path": "conn.log", "closed": False}


def test_what_is_written_is_read_again():
    others = {"redis h": Saved({"list": {"read": 4}}, {"list": {"rows": 4}})}
    written = Positions("files", others)
    here = Saved({"a": CLOSED, "b": OPEN, "begun": {"begun": True}}, {"a": {"rows": 3}})
    assert from_bytes(written.to_bytes(here, ("a", "b"))) == {**others, "files": here}
    assert from_bytes(b"") == {}


@pytest.mark.parametrize("moves", [["a"], ["b"], ["a", "b"]])
def test_a_log_that_closes_opens_again_or_goes_is_in_the_next_position(moves):
    written = Positions("files", {})
    written.to_bytes(Saved({"a": CLOSED, "b": CLOSED, "c": OPEN}), ("a", "b", "c"))
    opened = Saved({"c": CLOSED} | dict.fromkeys(("a", "b"), OPEN), {"a": {"rows": 1}})
    gone = Saved({"c": OPEN} | dict.fromkeys({"a", "b"} - {*moves}, CLOSED))
    assert from_bytes(written.to_bytes(opened, ("a", "b", "c")))["files"] == opened
    assert from_bytes(written.to_bytes(gone, ("a", "b", "c")))["files"] == gone


def test_a_closed_log_takes_few_bytes_and_is_not_read_again(tmp_path, read, monkeypatch):
    monkeypatch.setattr("oddwire.live.following.files._LONG_STILL", 0.0)
    files = 300
    for number in range(files):
        (tmp_path / f"conn.{number:04}.log").write_bytes(zeek_log(3, 10 * number))
    source = ZeekSource(format="zeek", files=("conn.*.log",))
    first = read(source, from_start=True)
    assert len(first.uids) == 3 * files
    assert len(first.position) < 40 * files
    with (tmp_path / "conn.0007.log").open("ab") as late:
        late.write(zeek_line(99_999))
    again = read(source, position=first.position)
    assert again.uids == ["C99999"]
    assert again.places[0].endswith(":4")

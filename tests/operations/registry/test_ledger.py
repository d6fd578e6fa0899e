"""Nothing that was decided gets lost, whatever happened to the file."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest

from oddwire.errors import ServiceError
from oddwire.operations.registry import ledger

OLD = {
    "time": "2026-11-01T06:00:00+00:00", "source": "desk", "version": "1", "run_id": "a",
    "outcome": "promoted", "promote": True, "reason": "first", "checks": [],
}  # fmt: skip
NEW = {
    "time": "2026-11-02T06:00:00+00:00", "who": "alice", "action": "promoted by hand",
    "source": "desk", "version": "2", "from": "1", "to": "2", "reason": "better", "promote": True,
}  # fmt: skip


@pytest.fixture
def file(tmp_path):
    return tmp_path / "promotions.jsonl"


def test_a_ledger_that_is_not_there_says_nothing(file):
    assert ledger.read(file, "desk") == ledger.History(())


def test_entries_are_read_back_the_newest_first(file):
    ledger.append(file, NEW)
    ledger.append(file, {**NEW, "source": "other"})
    ledger.append(file, {**NEW, "action": "rolled back", "version": "1", "from": "2", "to": "1"})
    newest, oldest = ledger.read(file, "desk").entries
    assert newest.action == "rolled back"
    assert oldest.to_dict() == {
        "time": NEW["time"], "who": "alice", "action": "promoted by hand", "version": "2",
        "from": "1", "to": "2", "why": "better",
    }  # fmt: skip


@pytest.mark.parametrize(("outcome", "after"), [("promoted", "1"), ("refused", None)])
def test_entries_of_before_who_and_from_were_kept_still_read(file, outcome, after):
    ledger.append(file, {**OLD, "outcome": outcome})
    (entry,) = ledger.read(file, "desk").entries
    assert (entry.who, entry.before, entry.after) == (None, None, after)
    assert (entry.action, entry.version, entry.why) == (outcome, "1", "first")


def test_half_a_line_costs_neither_the_next_entry_nor_the_reading(file):
    ledger.append(file, OLD)
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"time": "2026-11-0')
    ledger.append(file, NEW)
    found = ledger.read(file, "desk")
    assert [entry.version for entry in found.entries] == ["2", "1"]
    assert found.damaged == (2,)
    assert file.read_bytes().startswith(whole), "it only grows"


@pytest.mark.parametrize(
    "line",
    [
        b"7",
        b"[1]",
        b"null",
        b"{}",
        b'{"source": "desk"}',
        b"\xff\xfe",
        b"\x00" * 4096,
        b"<<<<<<< HEAD",
        b"[" * 100_000,
        json.dumps({**NEW, "version": None}).encode(),
        json.dumps({**NEW, "time": 5}).encode(),
        json.dumps({**NEW, "source": ["desk"]}).encode(),
        json.dumps(NEW).encode()[5:],
    ],
)
def test_a_line_that_is_no_entry_is_counted(file, line):
    file.write_bytes(line + b"\n\n" + json.dumps(NEW).encode())
    found = ledger.read(file, "desk")
    assert (len(found.entries), found.damaged) == (1, (1,))


@pytest.mark.parametrize("tail", [b'{"time": "2026-11-0', b"\x00" * 4096, b"\xff", b"{"])
def test_what_a_loss_of_power_leaves_at_the_end_costs_no_whole_line(file, tail):
    ledger.append(file, OLD)
    file.write_bytes(file.read_bytes() + tail)
    ledger.append(file, NEW)
    ledger.append(file, NEW)
    found = ledger.read(file, "desk")
    assert [entry.version for entry in found.entries] == ["2", "2", "1"]
    assert found.damaged == (2,)


def test_an_entry_that_a_full_disk_cut_is_taken_back(file, monkeypatch):
    ledger.append(file, OLD)
    whole, write = file.read_bytes(), os.write

    def fills_up(handle, content):
        if len(content) > 50:
            return write(handle, content[:50])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", fills_up)
    with pytest.raises(ServiceError, match=r"write the ledger .*promotions\.jsonl: No space left"):
        ledger.append(file, {**NEW, "reason": "x"})
    monkeypatch.undo()
    assert file.read_bytes() == whole
    ledger.append(file, NEW)
    assert ledger.read(file, "desk").damaged == ()


def test_a_ledger_that_is_no_file_is_one_line(file):
    file.mkdir()
    with pytest.raises(ServiceError, match="cannot write the ledger"):
        ledger.append(file, NEW)
    with pytest.raises(ServiceError, match="is a folder, not a file"):
        ledger.read(file, "desk")


def test_a_ledger_that_never_ends_is_not_read(file):
    file.symlink_to("/dev/zero")
    with pytest.raises(ServiceError, match="is a device, not a file"):
        ledger.read(file, "desk")


WRITER = """
import sys
from pathlib import Path
from oddwire.errors import ServiceError
from oddwire.operations.registry import ledger

print("ready", flush=True)
sys.stdin.readline()
for number in range(100):
    entry = {"version": str(number), "reason": sys.argv[2] * 4000}
    ledger.append(Path(sys.argv[1]), entry)
"""


@pytest.mark.slow
def test_lines_of_two_processes_do_not_mix(tmp_path):
    file = tmp_path / "deep" / "promotions.jsonl"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file), letter],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for letter in "ab"
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        with writer:
            pass
        assert writer.returncode == 0
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(entries) == 200
    for letter in "ab":
        mine = [entry for entry in entries if entry["reason"] == letter * 4000]
        assert [entry["version"] for entry in mine] == [str(number) for number in range(100)]

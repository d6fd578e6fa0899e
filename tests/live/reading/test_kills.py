"""Killed at any moment, also of a rotation, a process that follows has read each row once."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import reading_runs
from growing_logs import ZEEK_HEADER, zeek_line
from rotating_writer import Writer

from oddwire.traffic.sources import read_file
from oddwire.traffic.sources.reading.files import log_files

KILLS = 40


def write_on(writer: Writer, chance: random.Random) -> None:
    """Do one of the things that become of a log."""
    match chance.choice(["write"] * 6 + ["partial", "rename", "copy", "compress"]):
        case "write":
            writer.write(chance.randint(1, 40))
        case "partial":
            writer.write(chance.randint(1, 9), partial=True)
        case "rename":
            writer.rename()
        case "copy":
            writer.copy_and_truncate()
        case "compress":
            writer.compress(pause=lambda: time.sleep(chance.uniform(0, 0.02)))


def killed(run: subprocess.Popen, writer: Writer, chance: random.Random) -> None:
    """Kill the process that follows, somewhere between what is written."""
    child = int(run.stdout.readline())
    until = time.monotonic() + chance.choice([0, 0.05, 0.2, 0.5, 1.0])
    while time.monotonic() < until:
        write_on(writer, chance)
        time.sleep(chance.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    for _ in range(chance.randint(0, 3)):
        write_on(writer, chance)


def has_rows(file: Path) -> bool:
    """Tell whether there is more in a log than its header."""
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rb") as content:
        return any(not line.startswith(b"#") for line in content)


@pytest.mark.slow
def test_rows_are_those_of_all_files_each_once_and_in_order(tmp_path):
    chance, logs = random.Random(15), tmp_path / "logs"
    logs.mkdir()
    writer = Writer(logs, header=ZEEK_HEADER, line=lambda number: zeek_line(number)[:-1])
    command = [sys.executable, reading_runs.__file__, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        for _ in range(KILLS):
            killed(run, writer, chance)
        child = int(run.stdout.readline())
        writer.flush()
        (tmp_path / reading_runs.END).touch()
        assert child
        run.communicate(timeout=300)
    writer.close()
    assert run.returncode == 0
    with closing(reading_runs.store(tmp_path)) as kept:
        found = kept.execute("SELECT place, row FROM rows ORDER BY number").fetchall()
    files = [file for file in log_files(["conn.log*"], root=logs) if has_rows(file)]
    frames = [read_file(reading_runs.SOURCE, file).rows for file in files]
    expected = pd.concat(frames, ignore_index=True)
    assert [row for _, row in found] == expected.astype(str).agg("|".join, axis=1).tolist()
    assert len(found) == len(writer.written) > 1000
    assert len({place for place, _ in found}) == len(found)

"""Killed at any moment, a follower goes on as if it had never been: nothing lost, nothing twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import live_runs
import pytest

BATCHES = 5


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    live_runs.follow(folder, BATCHES)
    return live_runs.told(folder)


def test_an_undisturbed_run_says_everything_once_and_in_order(undisturbed):
    lines, rows = undisturbed
    said = [live_runs.message(number).body for number in range(3 * BATCHES)]
    assert lines.decode().splitlines() == said
    assert [name for name, kept in rows.items() if not kept] == ["outbox"]
    assert len(rows["carried_rows"]) < BATCHES, "some were forgotten"
    assert rows["sinks"] == [(live_runs.SINK, 3 * BATCHES, 0, 0)]


@pytest.mark.slow
def test_a_kill_between_any_two_steps_changes_nothing(undisturbed, tmp_path):
    step, killed = 1, True
    while killed:
        folder = tmp_path / str(step)
        folder.mkdir()

        def run(folder=folder):
            live_runs.follow(folder, BATCHES)

        killed = live_runs.killed_at(step, run)
        if killed and step % 3 == 0:  # and once more while it makes up for the first
            live_runs.killed_at(step // 3, run)
        run()
        assert live_runs.told(folder) == undisturbed, f"killed before step {step}"
        step += 1
    assert step > 150


@pytest.mark.slow
def test_kills_at_random_moments_of_a_live_process_change_nothing(tmp_path):
    batches = 400
    chance = random.Random(15)
    kills = 0
    for _ in range(200):
        run = subprocess.Popen(
            [sys.executable, live_runs.__file__, str(tmp_path), str(batches)],
            stdout=subprocess.PIPE,
        )
        assert run.stdout is not None
        with run, run.stdout:
            assert run.stdout.readline() == b"going\n"
            time.sleep(chance.uniform(0, 0.25))
            run.send_signal(signal.SIGKILL)
        if run.returncode == 0:
            break
        kills += 1
    assert run.returncode == 0
    assert kills >= 5
    lines, rows = live_runs.told(tmp_path)
    said = [live_runs.message(number).body for number in range(3 * batches)]
    assert lines.decode().splitlines() == said
    assert [len(rows[table]) for table in ("alerts", "messages", "outbox")] == [1200, 1200, 0]
    assert rows["sinks"] == [(live_runs.SINK, 3 * batches, 0, 0)]

"""The loop is kept running, ended in order, and not started again where that cannot help."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import psutil
import pytest
from command_line import group_members, wait_until

from oddwire.errors import DataError, ParameterError, ServiceError, WatchedError
from oddwire.live.supervising import supervisor
from oddwire.live.supervising.loop_process import LoopProcess
from oddwire.live.supervising.restarts import Restarts
from oddwire.live.supervising.supervisor import supervise
from oddwire.live.vitals.vitals import Vitals

BEAT = Vitals("office").heartbeat().to_json()
# What a loop does, in a few lines: it counts its starts, and beats until it is told to stop.
BEATS = f"""
import signal, sys, time
with open("starts", "a") as starts:
    starts.write("x")
def stop(*_):
    print({BEAT!r}.replace('"running"', '"stopped"'), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
while True:
    print({BEAT!r}, flush=True)
    time.sleep(0.05)
"""


class Heard:
    """Remembers what it is told, and may do something at a heartbeat."""

    def __init__(self, at_a_beat=lambda _: None):
        self.beats, self.waits, self.ends = [], [], []
        self.at_a_beat = at_a_beat

    def beat(self, beat):
        self.beats.append(beat)
        self.at_a_beat(beat)

    def waiting(self, reason):
        self.waits.append(reason)

    def ended(self, reason, last_words, wait):
        self.ends.append((reason, last_words, wait))


class Interrupted(BaseException):
    """As Prefect ends a flow run."""


@pytest.fixture
def start(tmp_path):
    """What starts a loop of some lines of Python, and the processes that it started."""
    started = []

    def loop(code):
        process = LoopProcess(
            [sys.executable, "-c", code], folder=tmp_path, log=tmp_path / "logs" / "loop.log"
        )
        started.append(process)
        return process

    loop.started = started
    yield loop
    for process in started:
        process.stop(0)


def interrupt(_):
    raise Interrupted


def test_who_is_interrupted_ends_the_loop_in_order(start):
    heard = Heard(interrupt)
    with pytest.raises(Interrupted):
        supervise(partial(start, BEATS), heard, Restarts(0))
    (process,) = start.started
    assert heard.beats[-1].state == "stopped"
    assert process.code() == 0
    assert heard.ends == []


def test_a_loop_that_does_not_end_in_time_is_killed_with_what_it_started(start, monkeypatch):
    deaf = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"print({BEAT!r}, flush=True); time.sleep(60)"
    )
    monkeypatch.setattr(LoopProcess.stop, "__defaults__", (0.2,))
    with pytest.raises(Interrupted):
        supervise(partial(start, deaf), Heard(interrupt), Restarts(0))
    (process,) = start.started
    assert process.code() == -signal.SIGKILL
    wait_until(lambda: not group_members(process.pid), 10, "the end of the group")


def test_a_loop_that_is_killed_starts_again(start, tmp_path):
    killed = set()

    def kill_once(_):
        process = start.started[-1]
        if not killed:
            killed.add(process.pid)
            os.kill(process.pid, signal.SIGKILL)
        elif process.pid not in killed:
            raise Interrupted

    heard = Heard(kill_once)
    with pytest.raises(Interrupted):
        supervise(partial(start, BEATS), heard, Restarts(3))
    assert heard.ends == [("it was killed by SIGKILL", [], 1.0)]
    assert (tmp_path / "starts").read_text() == "xx"


def test_a_crash_is_told_with_its_traceback_and_ends_after_so_many(start, tmp_path):
    crash = "open('starts', 'a').write('x'); raise RuntimeError('the disk is on fire')"
    heard = Heard()
    with pytest.raises(ServiceError, match=r"ended 2 times within an hour.*RuntimeError: the disk"):
        supervise(partial(start, crash), heard, Restarts(1))
    assert (tmp_path / "starts").read_text() == "xx"
    (_, first, wait), (reason, last, none) = heard.ends
    assert reason == "RuntimeError: the disk is on fire"
    assert first[0].startswith("Traceback")
    assert (wait, none) == (1.0, None)
    assert first == last, "each crash is told by its own words"


@pytest.mark.parametrize("kind", [ParameterError, WatchedError, DataError])
def test_what_another_start_cannot_mend_is_not_started_again(start, tmp_path, kind):
    told = f'{{"error": {{"kind": "{kind.__name__}", "message": "office: no"}}}}'
    code = f"open('starts', 'a').write('x'); print('{told}'); raise SystemExit(2)"
    with pytest.raises(kind, match="office: no"):
        supervise(partial(start, code), Heard(), Restarts(5))
    assert (tmp_path / "starts").read_text() == "x"


def test_a_service_that_does_not_answer_may_answer_later(start, tmp_path):
    told = '{"error": {"kind": "ServiceError", "message": "MLflow is gone"}}'
    code = f"open('starts', 'a').write('x'); print('{told}'); raise SystemExit(2)"
    with pytest.raises(ServiceError, match="MLflow is gone"):
        supervise(partial(start, code), Heard(), Restarts(1))
    assert (tmp_path / "starts").read_text() == "xx"


def test_a_loop_that_hangs_is_killed_and_started_again(start):
    code = f"import time; print({BEAT!r}, flush=True); time.sleep(60)"

    def second(_):
        if len(start.started) > 1:
            raise Interrupted

    heard = Heard(second)
    with pytest.raises(Interrupted):
        supervise(partial(start, code), heard, Restarts(1), says_nothing=0.5)
    assert [reason for reason, *_ in heard.ends] == ["it said nothing for 0.5 s, and was killed"]


def test_a_loop_that_never_begins_has_longer_and_is_told_so(start, monkeypatch):
    monkeypatch.setattr(supervisor, "_BEGINS", 1.5)
    heard = Heard()
    with pytest.raises(ServiceError):
        supervise(
            partial(start, "import time; time.sleep(60)"), heard, Restarts(0), says_nothing=0.5
        )
    assert [reason for reason, *_ in heard.ends] == ["it said nothing for 1.5 s, and was killed"]


def test_at_the_end_of_what_there_is_it_is_done(start):
    code = f"print({BEAT!r}); print('a word of a library'); print({BEAT!r})"
    heard = Heard()
    last = supervise(partial(start, code), heard, Restarts(0), until_end=True)
    assert last == heard.beats[-1]
    assert len(heard.beats) == 2


def test_an_end_that_nobody_asked_for_is_none(start):
    heard = Heard()
    with pytest.raises(ServiceError, match="ended by somebody else"):
        supervise(partial(start, f"print({BEAT!r})"), heard, Restarts(0))


def test_what_it_waits_for_is_handed_on(start):
    heard = Heard()
    code = 'print(\'{"waiting": "no champion"}\')'
    supervise(partial(start, code), heard, Restarts(0), until_end=True)
    assert heard.waits == ["no champion"]


SUPERVISES = f"""
import sys
from pathlib import Path
from oddwire.live.supervising.loop_process import LoopProcess
from oddwire.live.supervising.restarts import Restarts
from oddwire.live.supervising.supervisor import supervise

class Heard:
    def beat(self, beat):
        print(beat.state, flush=True)
    waiting = ended = beat

def start():
    code = "from oddwire.cli.servers.parent_watchdog import end_with_parent; end_with_parent()\\n"
    return LoopProcess([sys.executable, "-c", code + {BEATS!r}], folder=Path.cwd(), log=Path("log"))

supervise(start, Heard(), Restarts(0))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_whoever_supervises_is_gone_the_loop_ends(tmp_path, number):
    supervising = subprocess.Popen(
        [sys.executable, "-c", SUPERVISES], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    with supervising:
        try:
            assert supervising.stdout.readline() == "running\n"
            (loop,) = psutil.Process(supervising.pid).children()
        finally:
            supervising.send_signal(number)
    wait_until(lambda: not loop.is_running(), 20, "the end of the loop")


def test_a_second_signal_to_end_does_not_interrupt_the_ending(start):
    """Prefect's runner and who ends the runner's group both send one."""
    slow = BEATS.replace("def stop(*_):\n", "def stop(*_):\n    time.sleep(2)\n")
    again, timers = [], []

    def interrupted(*_):
        again.append(time.monotonic())
        raise Interrupted

    before = signal.signal(signal.SIGTERM, interrupted)

    def twice(_):
        if timers:
            return
        timers.append(threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)))
        timers[0].start()
        raise Interrupted

    heard = Heard(twice)
    try:
        with pytest.raises(Interrupted):
            supervise(partial(start, slow), heard, Restarts(0))
    finally:
        for timer in timers:  # or its signal would end pytest
            timer.join()
        signal.signal(signal.SIGTERM, before)
    assert not again
    assert heard.beats[-1].state == "stopped"

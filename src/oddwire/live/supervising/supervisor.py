"""Keep the loop running: listen to it, and start it again when it ends without being asked to."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from oddwire.errors import DataError, OddwireError, ServiceError
from oddwire.live.supervising.loop_process import LoopProcess, seconds_since
from oddwire.live.supervising.restarts import Restarts
from oddwire.live.vitals.heartbeat import Heartbeat

_KINDS = {kind.__name__: kind for kind in OddwireError.__subclasses__()}
_SAYS_NOTHING = 300.0  # seconds after which a loop hangs: it has a heartbeat every few
_BEGINS = 1800.0  # it goes through days of an archive first
_LOOK = 1.0


class Told(Protocol):
    """Who is told how it goes."""

    def beat(self, beat: Heartbeat) -> None:
        """Take a heartbeat."""

    def waiting(self, reason: str) -> None:
        """Hear that the loop waits, and for what."""

    def ended(self, reason: str, last_words: list[str], wait: float | None) -> None:
        """Hear that the loop ended, and in how many seconds it starts again; None if not."""


@dataclass
class _Run:
    """One process of the loop, as it went."""

    newest: Heartbeat | None = None
    error: OddwireError | None = None
    hangs: bool = False
    limit: float = 0.0  # seconds for which it may say nothing


def supervise(
    start: Callable[[], LoopProcess],
    told: Told,
    restarts: Restarts,
    *,
    until_end: bool = False,
    says_nothing: float = _SAYS_NOTHING,
) -> Heartbeat | None:
    """Run the loop until it is interrupted, or with ``until_end`` has read everything.

    Whatever interrupts this, the loop is ended in order before it goes on its way.

    Returns
    -------
    Its last heartbeat.

    Raises
    ------
    OddwireError
        If it cannot go on: a setting is wrong, or it ended too often.
    """
    while True:
        run, begun = _Run(), time.monotonic()
        process = start()
        try:
            _listen(process, run, told, says_nothing)
        finally:
            with _undisturbed():
                process.stop()
                _hear_out(process, run, told)
        code = process.code()
        if until_end and code == 0:
            return run.newest
        reason = _reason(run, code, process)
        # What somebody has to mend, another start cannot: a setting, a model, a file.
        final = None if isinstance(run.error, ServiceError) else run.error
        wait = None if final else restarts.wait(seconds_since(begun))
        told.ended(reason, [] if run.error else process.last_words(), wait)
        if wait is None:
            raise final or _too_often(reason, restarts.most)
        time.sleep(wait)


def _listen(process: LoopProcess, run: _Run, told: Told, says_nothing: float) -> None:
    """Hand on what it says until it ends, or says nothing for too long."""
    last = time.monotonic()
    while True:
        run.limit = says_nothing if run.newest else max(_BEGINS, says_nothing)
        try:
            line = process.said(_LOOK)
        except EOFError:
            return
        if line is not None:
            last = time.monotonic()
            _hear(line, run, told)
        elif seconds_since(last) > run.limit:
            run.hangs = True
            return


def _hear(line: dict[str, object], run: _Run, told: Told) -> None:
    match line:
        case {"waiting": str(reason)}:
            told.waiting(reason)
        case {"error": {"kind": str(kind), "message": str(message)}}:
            run.error = _KINDS.get(kind, OddwireError)(message)
        case _:
            try:
                run.newest = Heartbeat.from_dict(line)
            except DataError:
                return  # no heartbeat
            told.beat(run.newest)


def _hear_out(process: LoopProcess, run: _Run, told: Told) -> None:
    """Hand on what it said while it ended."""
    while True:
        try:
            line = process.said(0)
        except EOFError:
            return
        if line is None:
            return
        _hear(line, run, told)


def _reason(run: _Run, code: int, process: LoopProcess) -> str:
    if run.error is not None:
        return str(run.error)
    if run.hangs:
        return f"it said nothing for {run.limit:g} s, and was killed"
    if code == 0:
        return "it was ended by somebody else"
    if code < 0:
        return f"it was killed by {_signal_name(-code)}"
    said = process.last_words()
    return said[-1] if said else f"it ended with code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _too_often(reason: str, most: int) -> ServiceError:
    ended = f"has ended {most + 1} times within an hour," if most else "ended"
    return ServiceError(f"the loop {ended} and is not started again: {reason}")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore SIGTERM for a while: who sends it twice wants the same."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

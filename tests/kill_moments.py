"""Processes that are forked, and the moments at which they are killed."""

from __future__ import annotations

import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Of each how often, and how much at most: seconds after the start or the first commit, or the so
# manieth statement, commit, delivery or checkpoint.
MOMENTS = {
    "start": (1, 2.0), "time": (2, 3.0), "step": (2, 300), "commit": (2, 8), "delivery": (2, 5),
    "checkpoint": (2, 4),
}  # fmt: skip


@dataclass(frozen=True)
class Kill:
    """When a watch is killed: so many seconds after its start or its first commit, or at the so
    manieth of something that it does.
    """

    moment: str
    at: float

    @classmethod
    def drawn(cls, chance: random.Random) -> Kill:
        often = [share for share, _ in MOMENTS.values()]
        (moment,) = chance.choices(list(MOMENTS), often)
        return cls(moment, chance.uniform(0, MOMENTS[moment][1]))


def forked(run: Callable[[], None], said: Path) -> int:
    """Run in a process of its own, which prints to a file."""
    child = os.fork()
    if child:
        return child
    try:
        with said.open("a") as printed:
            os.dup2(printed.fileno(), 1)
            os.dup2(printed.fileno(), 2)
        run()
        sys.stdout.flush()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the copy of a program ends here, whatever it is
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def ended(child: int) -> int | None:
    """Return the exit status of a process, negative where a signal ended it; None if it runs."""
    found, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def waited(child: int) -> int:
    """Return the exit status of a process once it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(kill: Kill) -> None:
    """Have this process killed at the so manieth of something that it does."""
    if kill.moment in _PREPARED:
        _PREPARED[kill.moment](Countdown(int(kill.at)), kill.at % 1)


class Countdown:
    """Counts what is done, and kills this process at the last of it."""

    def __init__(self, left: int) -> None:
        self._left = left

    def is_last(self) -> bool:
        self._left -= 1
        return self._left < 0

    def count(self, *_: object) -> None:
        if self.is_last():
            _die()

    def dying(self, do: Callable[..., Any], *, before: bool) -> Callable[..., Any]:
        """Return what does the same, and dies before or behind the last of it."""

        def done(*args: Any, **options: Any) -> Any:
            is_last = self.is_last()
            if is_last and before:
                _die()
            made = do(*args, **options)
            if is_last:
                _die()
            return made

        return done


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _at_steps(countdown: Countdown, _: float) -> None:
    from sqlalchemy import Engine, event

    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(Engine, name, countdown.count)


def _in_commits(countdown: Countdown, _: float) -> None:
    """Die in a transaction, with everything written."""
    from oddwire.live.state import Store

    Store._kept = countdown.dying(Store._kept, before=False)


def _at_checkpoints(countdown: Countdown, share: float) -> None:
    from oddwire.live.watching import checkpoints

    checkpoints.packed_arrays = countdown.dying(checkpoints.packed_arrays, before=share < 0.5)


def _in_deliveries(countdown: Countdown, share: float) -> None:
    """Die with a part of what is delivered written to the file."""
    write = os.pwrite

    def pwrite(file: int, text: bytes, at: int) -> int:
        if countdown.is_last():
            write(file, text[: int(len(text) * share)], at)
            _die()
        return write(file, text, at)

    os.pwrite = pwrite


_PREPARED = {
    "step": _at_steps, "commit": _in_commits, "checkpoint": _at_checkpoints,
    "delivery": _in_deliveries,
}  # fmt: skip

"""Run a module, and end it and all that it started when the parent process ends.

``python parent_watchdog.py MODULE ARGUMENT...``, its standard input a pipe that the parent never
writes to: it closes when the parent is gone, even by SIGKILL. The module inherits the pipe and
watches it as well (`end_with_parent`), so that it needs no watchdog that lives. Run by its path, so
that oddwire is not imported.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import psutil

SECONDS_TO_END = 10.0


def main() -> int:
    """Run the module that the command line names, and return its exit code."""
    process = subprocess.Popen([sys.executable, "-m", *sys.argv[1:]])  # noqa: S603 - the parent's own command
    # Signals go to the whole group, but this process must outlive its child to return its code.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_with_parent()
    code = process.wait()
    end_group(os.getpgrp())
    return code


def end_with_parent() -> None:
    """End this process's group when the pipe at its standard input closes.

    What this process starts later has an empty standard input.
    """
    pipe = os.dup(0)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    threading.Thread(target=_end_when_closed, args=(pipe,), daemon=True).start()


def _end_when_closed(pipe: int) -> None:
    os.read(pipe, 1)
    os.killpg(0, signal.SIGTERM)
    time.sleep(SECONDS_TO_END)
    os.killpg(0, signal.SIGKILL)


def end_group(group: int) -> None:
    """Terminate a process group, and kill who does not stop in time."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if number == signal.SIGKILL and not others_in(group):
            return  # of its own group, the caller alone is left
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
        deadline = time.monotonic() + SECONDS_TO_END
        while others_in(group) and time.monotonic() < deadline:
            time.sleep(0.05)


def others_in(group: int) -> list[int]:
    """Return the living members of a process group but this process."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if (
                pid != os.getpid()
                and os.getpgid(pid) == group
                and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
            ):
                found.append(pid)
    return found


if __name__ == "__main__":
    sys.exit(main())

"""The process that runs `oddwire watch`: started, listened to, and ended with all that it started.

It has a process group of its own, so that a signal to whoever supervises it does not reach it by
the way; and a pipe at its standard input, whose end tells it that nobody supervises it any more.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from oddwire.project import Project
from oddwire.traffic.wire_text import printable

SECONDS_TO_STOP = 8.0  # for the last commit, and what sinks can still be told
_MODULE = "oddwire.cli.servers.watched"
_LONGEST_LINE, _LAST_LINES = 500, 20
_TAIL = 64 * 1024  # bytes


class LoopProcess:
    """A process that prints a JSON object a line.

    Parameters
    ----------
    command
        What to run.
    folder
        Where.
    log
        File for what it writes to standard error; an earlier process's lines stay.
    """

    def __init__(self, command: Sequence[str], *, folder: Path, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        with log.open("ab") as errors:
            self._before = errors.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own module, or a test's
                command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, "ODDWIRE_PROJECT": str(folder), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )  # fmt: skip
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @classmethod
    def of(cls, project: Project, source: str, options: Sequence[str] = ()) -> Self:
        """Start `oddwire watch` of a source, with more options."""
        command = [sys.executable, "-m", _MODULE, source, *options]
        return cls(command, folder=project.root, log=project.logs / f"watch-{source}.log")

    @property
    def pid(self) -> int:
        """The process's id, which is its group's too."""
        return self._process.pid

    def said(self, seconds: float) -> dict[str, Any] | None:
        """Return the next object that it printed; None if there is none in time, or no other.

        Raises
        ------
        EOFError
            If it printed all that it ever will.
        """
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if line is None:
            self._lines.put(None)
            raise EOFError
        return line

    def code(self) -> int:
        """Wait for its end, and return its exit code; a signal's number below 0."""
        return self._process.wait()

    def stop(self, seconds: float = SECONDS_TO_STOP) -> None:
        """Let it end in order, and kill what does not in time, with all that it started."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._reading.join(seconds)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def last_words(self) -> list[str]:
        """Return the last lines that it wrote to standard error."""
        with self._log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._before, end - _TAIL))
            text = log.read().decode("utf-8", errors="replace")
        lines = [printable(line.rstrip(), _LONGEST_LINE) for line in text.splitlines()]
        return [line for line in lines if line.strip()][-_LAST_LINES:]

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _read(self) -> None:
        output = self._process.stdout
        if output is None:
            raise RuntimeError("the process was started without a pipe")
        with output:
            for line in output:
                with suppress(ValueError):  # a library's own words among them
                    content = json.loads(line)
                    if isinstance(content, dict):
                        self._lines.put(content)
        self._lines.put(None)


def seconds_since(then: float) -> float:
    """Return how long ago a moment of the monotonic clock was."""
    return time.monotonic() - then

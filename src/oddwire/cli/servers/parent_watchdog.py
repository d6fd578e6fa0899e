"""Run a module, and stop it when the parent process ends, even by SIGKILL.

``python parent_watchdog.py MODULE ARGUMENT...``, its standard input a pipe that the parent never
writes to: it closes when the parent is gone. Run by its path, so that oddwire is not imported.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

_SECONDS_TO_END = 10.0


def main() -> int:
    """Run the module that the command line names, and return its exit code."""
    process = subprocess.Popen(  # noqa: S603 - the parent's own command
        [sys.executable, "-m", *sys.argv[1:]], stdin=subprocess.DEVNULL
    )
    # Signals go to the whole group, but this process must outlive its child to return its code.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return process.wait()


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.killpg(0, signal.SIGTERM)
    time.sleep(_SECONDS_TO_END)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

"""Run a module that ends when whoever started it ends, be it by SIGKILL.

``python tied.py MODULE ARGUMENT…``, its standard input a pipe that the starter never writes to: the
pipe closes when the starter is gone, however it went. Run by path, so that nothing is imported.
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
    process = subprocess.Popen(  # noqa: S603 - the starter's own command
        [sys.executable, "-m", *sys.argv[1:]], stdin=subprocess.DEVNULL
    )
    # The group is signalled as a whole; this process is to see its child out.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_starter, daemon=True).start()
    return process.wait()


def _end_with_starter() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.killpg(0, signal.SIGTERM)
    time.sleep(_SECONDS_TO_END)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

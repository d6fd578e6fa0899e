"""`oddwire watch` under a supervisor: ``python -m oddwire.cli.servers.watched SOURCE OPTION...``.

It prints heartbeats, and how it ended, as a JSON object a line; it waits for a source's first
champion; and it ends when who supervises it is gone.
"""

from __future__ import annotations

import json
import sys
import time
import traceback

from oddwire.cli import EXIT_DEFECT, EXIT_USER_ERROR, app
from oddwire.cli.servers.parent_watchdog import SECONDS_TO_END, end_with_parent
from oddwire.errors import NoModelError, OddwireError, WatchedError
from oddwire.faults import faults_as_errors
from oddwire.masking import without_secrets
from oddwire.traffic.wire_text import printable

_LOOK_FOR_A_CHAMPION = 10.0  # seconds between looks
_LONGEST = 2000


def main() -> int:
    """Follow a source until terminated, and return the exit code."""
    end_with_parent()
    deadline = time.monotonic() + SECONDS_TO_END  # one whose supervisor was killed ends by itself
    while True:
        try:
            with faults_as_errors():
                command = ["watch", *sys.argv[1:], "--json"]
                return app(command, prog_name="oddwire", standalone_mode=False) or 0
        except NoModelError as error:
            _say({"waiting": _shown(error)})
            time.sleep(_LOOK_FOR_A_CHAMPION)
        except WatchedError as error:
            if time.monotonic() > deadline:
                return _failed(error)
            time.sleep(1)
        except OddwireError as error:
            return _failed(error)
        except Exception:  # noqa: BLE001 - a defect keeps its traceback, but not the passwords in it
            sys.stderr.write(without_secrets(traceback.format_exc()))
            return EXIT_DEFECT


def _failed(error: OddwireError) -> int:
    _say({"error": {"kind": type(error).__name__, "message": _shown(error)}})
    return EXIT_USER_ERROR


def _shown(error: OddwireError) -> str:
    return printable(without_secrets(" ".join(str(error).split())), _LONGEST)


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

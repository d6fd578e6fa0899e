"""Watches that are killed while a log is written and rotated, against one that nobody disturbs.

    python benchmarks/live_kills.py --kills 50 --style logrotate
    python benchmarks/live_kills.py --kills 50 --style dated --send-alerts

Kills fall at random moments: while it starts, at any time, between two statements, inside the
transaction of a commit, in the middle of a delivery, and before and behind a checkpoint. Alerts,
incidents, what the sink's file holds and what heartbeats count must be equal, and the file must
have each line once: see tests/kill_runs.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

if __name__ == "__main__":
    from tests.kill_runs import main

    sys.exit(main())

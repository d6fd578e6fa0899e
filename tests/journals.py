"""What Optuna's journals say while another process writes to them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

_STATE, _COMPLETE = 6, 1  # of a line of Optuna's journal that says what became of a trial


def finished_trials(journal: Path) -> int:
    """Count the trials that a journal calls complete, while another process writes to it."""
    count = 0
    for line in journal.read_bytes().splitlines() if journal.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):  # the line being written
            entry = json.loads(line)
            count += entry["op_code"] == _STATE and entry["state"] == _COMPLETE
    return count

"""The append-only ledger of promotion decisions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def append(ledger: Path, entry: dict[str, Any]) -> None:
    """Write an entry as one line of JSON, and wait until it is on the disk."""
    line = (json.dumps(entry, sort_keys=True) + "\n").encode()
    ledger.parent.mkdir(parents=True, exist_ok=True)
    # One write to a file opened for appending: lines of two processes never mix.
    handle = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)

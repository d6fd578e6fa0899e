"""Files that are damaged: set aside beside where they were, for a person to look at."""

from __future__ import annotations

import datetime as dt
import secrets
from pathlib import Path

_MARK = ".damaged-"


def set_aside(path: Path) -> Path:
    """Move a damaged file or folder out of the way, and return where it is now.

    Its name says since when, and is no other's: nothing is ever replaced by it.
    """
    now = dt.datetime.now(dt.UTC)
    aside = path.with_name(f"{path.name}{_MARK}{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}")
    path.rename(aside)
    return aside


def all_set_aside(folder: Path) -> list[Path]:
    """Return what was set aside in a folder, the oldest first; nothing where it is not there."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if _MARK in path.name)
    return sorted(found, key=lambda path: path.name.rpartition(_MARK)[2])

"""Paths: which cannot be any, and what a path leads to that is no file to read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_MOST_BYTES, _MOST_BYTES_OF_A_NAME = 4095, 255  # what Linux and macOS take
_KINDS = (
    (stat.S_ISDIR, "is a folder, not a file"),
    (stat.S_ISFIFO, "is a named pipe, not a file: write what comes out of it to a file first"),
    (stat.S_ISSOCK, "is a socket, not a file"),
    (stat.S_ISCHR, "is a device, not a file"),
    (stat.S_ISBLK, "is a device, not a file"),
)


def path_fault(path: str) -> str | None:
    """Say why a text can be no path, None where it can.

    Examples
    --------
    >>> path_fault("a" * 300)
    'must have names of at most 255 bytes, got one of 300'
    """
    try:
        size, sizes = len(os.fsencode(path)), [len(os.fsencode(part)) for part in Path(path).parts]
    except UnicodeEncodeError:
        return "must be text"  # half a pair of Unicode is none
    longest, user = max(sizes, default=0), path.partition("/")[0]
    rules = {
        "must name a file": not path.strip(),
        "must hold no zero byte": "\0" in path,
        f"must have names of at most {_MOST_BYTES_OF_A_NAME} bytes, got one of {longest}":
            longest > _MOST_BYTES_OF_A_NAME,
        f"must be at most {_MOST_BYTES} bytes long, got {size}": size > _MOST_BYTES,
        f"begins with {user}, and there is no such user":
            user.startswith("~") and os.path.expanduser(user) == user,  # noqa: PTH111 - pathlib's raises
    }  # fmt: skip
    return next((rule for rule, broken in rules.items() if broken), None)


def file_fault(path: Path) -> str | None:
    """Say why a path leads to nothing that can be read whole, None where it does.

    A pipe and a device such as ``/dev/zero`` never end.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "does not exist"
    except (OSError, ValueError) as error:  # ValueError: a zero byte
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return next((fault for is_kind, fault in _KINDS if is_kind(mode)), None)


def _check_path(path: Path) -> Path:
    # Of an empty text pathlib makes the folder that one is in.
    fault = path_fault("" if path == Path() else str(path))
    if fault is None and not is_text(str(path)):  # which YAML can write, and no database keep
        fault = "must be text"
    if fault is not None:
        raise PydanticCustomError("path", "{fault}", {"fault": fault})
    return path


def is_text(path: str) -> bool:
    """Return whether a path can be written as text: the bytes of a name need not be any."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_pattern(pattern: str) -> str:
    if (fault := path_fault(pattern)) is not None:
        raise PydanticCustomError("path", "{fault}", {"fault": fault})
    return pattern


FilePath = Annotated[Path, AfterValidator(_check_path)]
FilePattern = Annotated[str, AfterValidator(_check_pattern)]

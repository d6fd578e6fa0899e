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
    if not path.strip():
        return "must name a file"
    if "\0" in path:
        return "must hold no zero byte"
    sizes = [len(os.fsencode(part)) for part in Path(path).parts]
    if max(sizes) > _MOST_BYTES_OF_A_NAME:
        return f"must have names of at most {_MOST_BYTES_OF_A_NAME} bytes, got one of {max(sizes)}"
    if (size := len(os.fsencode(path))) > _MOST_BYTES:
        return f"must be at most {_MOST_BYTES} bytes long, got {size}"
    if path.startswith("~") and os.path.expanduser(path) == path:  # noqa: PTH111 - pathlib's raises
        return f"begins with {Path(path).parts[0]}, and there is no such user"
    return None


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
    if fault is not None:
        raise PydanticCustomError("path", "{fault}", {"fault": fault})
    return path


def _check_pattern(pattern: str) -> str:
    if (fault := path_fault(pattern)) is not None:
        raise PydanticCustomError("path", "{fault}", {"fault": fault})
    return pattern


FilePath = Annotated[Path, AfterValidator(_check_path)]
FilePattern = Annotated[str, AfterValidator(_check_pattern)]

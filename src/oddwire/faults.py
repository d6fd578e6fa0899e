"""Faults of the machine around us, a full disk or a locked database, in one line.

Libraries wrap such an error in their own, with SQL or a traceback of theirs. Here its cause is
looked for, and the place that it is about; what is no fault of the machine stays what it is.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from oddwire.errors import OddwireError, ServiceError

_FAULTS = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG,
    errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ENOLCK,
}  # fmt: skip
_FULL = {errno.ENOSPC, errno.EDQUOT}
# What SQLite says of it, in whatever a library wrapped it.
_OF_SQLITE = (
    "database is locked", "attempt to write a readonly database", "database or disk is full",
    "unable to open database file", "disk I/O error", "database disk image is malformed",
    "file is not a database",
)  # fmt: skip
LOCKED = _OF_SQLITE[0]
_AS_TEXT = re.compile(r"\[[Ee]rrno (\d+)\] [^:\n]+(?:: '([^'\n]+)')?")
_LITTLE = 256 * 1024  # bytes free on a disk that is as good as full
_LONGEST_CHAIN = 20


def fault_of(error: BaseException, *, place: object = "", places: Iterable[Path] = ()) -> str:
    """Return a fault of the machine in words, empty where the error is something else.

    Parameters
    ----------
    place
        What it is about, where the error does not say so itself.
    places
        Where files are written: of a disk that is full, those that lie on it are named.
    """
    for one in _chain(error):
        if isinstance(one, OSError) and one.errno in _FAULTS:
            file = os.fsdecode(one.filename) if isinstance(one.filename, str | bytes) else ""
            return _in_words(one.errno, file or str(place), places)
        if isinstance(one, OSError | OddwireError) or type(one).__module__ == "builtins":
            continue  # its text is no library's wrapping of another error
        text = str(one)
        said = next((words for words in _OF_SQLITE if words in text), None)
        if said is not None:
            return f"{place}: {said}" if str(place) else said
        found = _AS_TEXT.search(text)
        if found and int(found[1]) in _FAULTS:
            return _in_words(int(found[1]), found[2] or str(place), places)
    return ""


def _in_words(number: int, place: str, places: Iterable[Path]) -> str:
    if not place and number in _FULL:
        place = ", ".join(map(str, _full([*places, Path(tempfile.gettempdir())])))
    reason = os.strerror(number)
    return f"{place}: {reason}" if place else reason


def _full(places: Iterable[Path]) -> list[Path]:
    """Return those places whose disk has no room left."""
    return [
        place
        for place in dict.fromkeys(places)
        if place.exists() and shutil.disk_usage(place).free < _LITTLE
    ]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return an error, and those that led to it."""
    one: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if one is None:
            return
        yield one
        wrapped = getattr(one, "orig", None)  # SQLAlchemy's, of the driver's
        if one.__cause__ is not None:
            one = one.__cause__
        elif isinstance(wrapped, BaseException):
            one = wrapped
        elif type(one).__module__ != "builtins" and not one.__suppress_context__:
            one = one.__context__
        else:  # a defect that a fault was handled before is a defect
            return


@contextmanager
def faults_as_errors(*, doing: str = "", places: Iterable[Path] = ()) -> Iterator[None]:
    """Turn faults of the machine into `ServiceError`; all other errors pass through.

    Parameters
    ----------
    doing
        What cannot be done then, such as ``the scores cannot be written``.
    places
        Where files are written: see `fault_of`.
    """
    try:
        yield
    except OddwireError:
        raise
    except Exception as error:
        fault = fault_of(error, places=places)
        if not fault:
            raise
        raise ServiceError(f"{doing}: {fault}" if doing else fault) from error


def nothing_can_be_written(error: OSError) -> bool:
    """Tell whether a place is closed to this process: then nobody here writes there."""
    return error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}

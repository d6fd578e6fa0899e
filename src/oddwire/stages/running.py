"""How every stage starts and ends: one source on the command line, whole outputs or none."""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from oddwire.errors import OddwireError
from oddwire.operations.data.dvc_process import ERROR, REMARK
from oddwire.project import Project
from oddwire.traffic.wire_text import printable

EXIT_MENDABLE = 2
# What no code can help: a full or read-only disk, another user's files, a file that is too large.
_OF_THE_MACHINE = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO,
}  # fmt: skip


def run(stage: Callable[[Project, str], None], arguments: list[str] | None = None) -> int:
    """Run a stage of this project for the source named on the command line.

    Parameters
    ----------
    arguments
        The arguments after the stage's name; by default those of the command line.

    Returns
    -------
    The exit code: 0, or 2 after one line on standard error that says what to mend. A defect goes
    on as the exception that it is: its traceback belongs in the log.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1:
        return _refused(f"a stage takes the name of one source, got {given}")
    return _ended(lambda: stage(Project.find(), given[0]))


def run_once(stage: Callable[[Project], None]) -> int:
    """Run a stage that is no source's, and return the exit code as `run` does."""
    return _ended(lambda: stage(Project.find()))


def _ended(call: Callable[[], None]) -> int:
    try:
        call()
    except OddwireError as error:
        return _refused(str(error))
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        return _refused(f"{where}{error.strerror}")
    except MemoryError:
        return _refused("not enough memory for the rows of this source")
    return 0


def _refused(reason: str) -> int:
    # One line: whoever runs the stage shows it as the cause.
    sys.stderr.write(f"{ERROR}{_one_line(reason)}\n")
    return EXIT_MENDABLE


def remark(sentence: str) -> None:
    """Tell the person who waits for the stage something that is no error."""
    sys.stderr.write(f"{REMARK}{_one_line(sentence)}\n")


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a folder to write to, which takes the place of ``target`` once all is written.

    After an error ``target`` is as it was. What a killed run left is cleared by the next one; DVC
    runs a stage once at a time.
    """
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if target.exists():
            shutil.rmtree(target)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)

"""How every stage starts and ends: one source on the command line, one line on an error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from oddwire.errors import OddwireError
from oddwire.faults import faults_as_errors
from oddwire.operations.data.dvc_process import ERROR, PROGRESS, REMARK
from oddwire.project import Project
from oddwire.traffic.wire_text import printable

EXIT_MENDABLE = 2


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
        with faults_as_errors(places=_written()):
            call()
    except OddwireError as error:
        return _refused(str(error))
    except MemoryError:
        return _refused("not enough memory for the rows of this source")
    return 0


def _written() -> list[Path]:
    """Return where a stage writes, to name it where its disk is full."""
    try:
        return [Project.find().root / "data"]
    except OddwireError:
        return []


def _refused(reason: str) -> int:
    # One line: whoever runs the stage shows it as the cause.
    sys.stderr.write(f"{ERROR}{_one_line(reason)}\n")
    return EXIT_MENDABLE


def remark(sentence: str) -> None:
    """Tell the person who waits for the stage something that is no error."""
    sys.stderr.write(f"{REMARK}{_one_line(sentence)}\n")


def tell(how_far: str) -> None:
    """Tell the person who waits for the stage how far it is."""
    sys.stderr.write(f"{PROGRESS}{_one_line(how_far)}\n")
    sys.stderr.flush()


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))

"""How every stage starts and ends: one source on the command line, whole outputs or none."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from oddwire.errors import OddwireError, ParameterError
from oddwire.faults import faults_told
from oddwire.project import Project

EXIT_MENDABLE = 2


def run(stage: Callable[[Project, str], None], arguments: list[str] | None = None) -> int:
    """Run a stage of this project for the source named on the command line.

    Parameters
    ----------
    arguments
        The arguments after the stage's name; by default those of the command line.

    Returns
    -------
    The exit code: 0, or 2 after one line on standard error that says what to mend.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if len(given) != 1:
            raise ParameterError(f"a stage takes the name of one source, got {given}")
        project = Project.find()
        with faults_told(places=[project.root / "data"]):
            stage(project, given[0])
    except OddwireError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_MENDABLE
    return 0


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

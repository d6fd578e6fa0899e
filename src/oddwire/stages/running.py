"""How every stage starts and ends: one source on the command line, one line on an error."""

from __future__ import annotations

import sys
from collections.abc import Callable

from oddwire.errors import OddwireError, ParameterError
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
        stage(Project.find(), given[0])
    except OddwireError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_MENDABLE
    return 0

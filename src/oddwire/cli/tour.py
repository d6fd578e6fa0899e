"""``make run``: train on simulated traffic, check it for drift, and say where to look."""

from __future__ import annotations

import os
import sys

import typer

from oddwire.cli import drift, fail, train
from oddwire.cli.environment import quiet_tools
from oddwire.cli.servers.session import session
from oddwire.errors import OddwireError, ParameterError
from oddwire.params import load_params
from oddwire.project import Project

SOURCE = "simulated"
TRIALS = 6  # enough to see a search, few enough for a first look
TRIALS_VARIABLE = "ODDWIRE_TOUR_TRIALS"


def tour() -> None:
    """Train and check the built-in simulated traffic, as a newcomer would."""
    quiet_tools(terminal=True)
    from oddwire.cli.terminal.printing import printer

    project = Project.find()
    params = load_params(project.params_file)
    console = printer()
    console.print("Training three detectors on two simulated weeks of a small organisation.")
    trials = _trials(os.environ.get(TRIALS_VARIABLE, str(TRIALS)))
    with session(project):
        result = train.run_training(params, SOURCE, trials=trials)
        train.show(project, result)
        unchanged = drift.run_check(SOURCE, scenario="none")
        changed = drift.run_check(SOURCE, scenario="new_service")
    console.print()
    drift.show(unchanged)
    console.print()
    drift.show(changed)
    console.print(
        "\nNext: `.venv/bin/oddwire --help`. The README shows how to add your own traffic."
    )


def _trials(given: str) -> int:
    if not given.isdecimal():
        raise ParameterError(f"{TRIALS_VARIABLE} must be a number of trials, got {given!r}")
    return int(given)


if __name__ == "__main__":
    try:
        tour()
    except (typer.Exit, KeyboardInterrupt):
        sys.exit(130)
    except OddwireError as error:
        fail(error)

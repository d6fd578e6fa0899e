"""``oddwire leaderboard``: the newest training's detectors side by side."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.params import load_params
from oddwire.project import Project


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("leaderboard", epilog="**Example** `oddwire leaderboard nsl-kdd --json`")(
        leaderboard
    )


def leaderboard(
    source: Annotated[str, typer.Argument(help="A source of params.yaml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Show the newest training on a source, a row per detector."""
    quiet_tools(terminal=True)
    project = Project.find()
    load_params(project.params_file).source(source)
    rows, run_name = newest_rows(project, source)
    from oddwire.cli.terminal.printing import print_json, print_leaderboard

    if as_json:
        from oddwire.operations.comparison.training_history import LEADERBOARD_COLUMNS

        print_json([{**{key: row.get(key) for key in LEADERBOARD_COLUMNS}, **row} for row in rows])
    else:
        print_leaderboard(rows, title=f"{source}: {run_name}")


def newest_rows(project: Project, source: str) -> tuple[list[dict[str, Any]], str]:
    """Return the leaderboard of the newest training, and the training's name."""
    from oddwire.operations.comparison.training_history import LEADERBOARD_FILE
    from oddwire.operations.tracking.store import Tracking

    tracking = Tracking.connect(project)
    training = tracking.newest_training(source)
    rows: list[dict[str, Any]] = tracking.read_json(training.info.run_id, LEADERBOARD_FILE)
    return rows, str(training.info.run_name)

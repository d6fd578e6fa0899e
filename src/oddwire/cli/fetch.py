"""``oddwire fetch``: bring the files of a public source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.project import Project


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("fetch", epilog="**Example** `oddwire fetch nsl-kdd --from ~/downloads`")(fetch)


def fetch(
    name: Annotated[str, typer.Argument(help="A public source: nsl-kdd.")],
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Take the files from a folder instead."),
    ] = None,
) -> None:
    """Download the files of a public source and check their SHA-256."""
    quiet_tools(terminal=True)
    from oddwire.traffic.sources.reading import fetching

    project = Project.find()
    for file in fetching.fetch(name, into=project.downloads(name), from_dir=from_):
        typer.echo(str(file))

"""``oddwire fetch``: download a public data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.project import Project

EPILOG = """
**Examples**

`oddwire fetch nsl-kdd`

`oddwire fetch nsl-kdd --from ~/downloads`
"""


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A public data set: nsl-kdd.")],
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Copy the files from a folder instead."),
    ] = None,
) -> None:
    """Download a public data set and check the SHA-256 of its files."""
    quiet_tools(terminal=True)
    from oddwire.traffic.sources.reading import fetching

    project = Project.find()
    for file in fetching.fetch(name, into=project.downloads(name), from_dir=from_):
        typer.echo(str(file))

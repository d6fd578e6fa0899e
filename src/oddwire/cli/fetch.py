"""``oddwire fetch``: download a public data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.errors import ParameterError
from oddwire.params.values.paths import path_fault
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
    from rich.markup import escape

    from oddwire.cli.terminal.printing import printer
    from oddwire.cli.terminal.progress_bars import shown_step
    from oddwire.traffic.sources.reading import fetching
    from oddwire.traffic.wire_text import printable

    project = Project.find()
    if from_ is not None and (fault := path_fault(str(from_))) is not None:
        raise ParameterError(f"--from {fault}")
    into = project.downloads(name)
    with shown_step(f"fetch {name}"):
        files = fetching.fetch(name, into=into, from_dir=from_)
    console = printer()
    console.print(f"{name}: {len(files)} files, each with the published SHA-256, in")
    console.print(f"  {escape(printable(str(into)))}", soft_wrap=True)
    for file in files:
        console.print(f"  - {escape(file.name)}")
    console.print(f"Next: `oddwire train {name}`")

"""``oddwire rollback``: bring an earlier champion back."""

from __future__ import annotations

from typing import Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson, Source
from oddwire.project import Project

EPILOG = """
**Examples**

`oddwire rollback office  # the previous champion is back; once more returns`

`oddwire rollback office --to 2 --because "version 4 raises too many alerts"`
"""


def rollback(
    source: Source,
    to: Annotated[
        str,
        typer.Option(
            metavar="VERSION", help="Number of a version.", show_default="the previous champion"
        ),
    ] = "",
    because: Annotated[str, typer.Option(metavar="TEXT", help="The reason, for the ledger.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an earlier version the champion of a source again.

    The version must load. The champion that gives way becomes `previous`.
    """
    quiet_tools(terminal=True)
    from oddwire.cli.terminal.moved import print_moved
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.operations.registry.moving import roll_back

    with shown_progress(quiet=True):
        moved = roll_back(Project.find(), source, to=to, because=because)
    print_moved(moved, as_json=as_json)

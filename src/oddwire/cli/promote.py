"""``oddwire promote``: make a version champion by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson, Source
from oddwire.project import Project

EPILOG = """
**Examples**

`oddwire promote office 3 --because "finds the scans that version 4 misses"`

`oddwire history office  # what was promoted before`
"""


def promote(
    source: Source,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Its number in the registry.")],
    because: Annotated[
        str, typer.Option("--because", metavar="TEXT", help="The reason, for the ledger.")
    ],
    as_json: AsJson = False,
) -> None:
    """Make a version the champion of a source, whatever the rules of promotion say.

    The version must load. The old champion becomes `previous`, and `oddwire rollback` brings it
    back.
    """
    quiet_tools(terminal=True)
    from oddwire.cli.terminal.moved import print_moved
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.operations.registry.moving import promote_by_hand

    with shown_progress(quiet=True):
        moved = promote_by_hand(Project.find(), source, version, because=because)
    print_moved(moved, as_json=as_json)

"""``oddwire history``: which version was champion when, by whose decision, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oddwire.cli.options import AsJson, Source
from oddwire.params import load_params
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.operations.registry.ledger import History, LedgerEntry

_MOST_NUMBERS = 8
EPILOG = """
**Examples**

`oddwire history nsl-kdd`

`oddwire history nsl-kdd --json`
"""


def history(source: Source, as_json: AsJson = False) -> None:
    """Show every promotion decision on a source, the newest first."""
    project = Project.find()
    load_params(project.params_file).source(source)
    from oddwire.operations.registry.ledger import of_project, read

    found = read(of_project(project), source)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json([entry.to_dict() for entry in found.entries])
    else:
        show(source, found)
    if found.damaged:
        warn(str(of_project(project)), found.damaged)


def show(source: str, found: History) -> None:
    """Print the entries: a head line each, the reason below it."""
    from rich.markup import escape

    from oddwire.cli.terminal.paragraphs import print_indented
    from oddwire.cli.terminal.printing import printer
    from oddwire.traffic.wire_text import printable

    console = printer()
    if not found.entries:
        console.print(f"Nothing was decided on {source} yet: run `oddwire train {source}` first")
        return
    for entry in found.entries:
        who = "" if entry.who is None else f"  by {printable(entry.who)}"
        when = entry.time[:16].replace("T", " ")  # the ledger keeps UTC
        head = escape(printable(f"{when} UTC  {_move(entry)}{who}"))
        console.print(head, style="bold", soft_wrap=True)
        print_indented(console, printable(" ".join(entry.why.split())))


def _move(entry: LedgerEntry) -> str:
    """Say which version it was about, and what became of the champion."""
    from oddwire.operations.registry.ledger import ROLLED_BACK

    if entry.before == entry.after or entry.after is None:
        stays = "" if entry.before in {None, entry.version} else f", {entry.before} stays champion"
        return f"version {entry.version}: {entry.action}{stays}"
    if entry.action == ROLLED_BACK:
        back = "" if entry.before is None else f" from {entry.before}"
        return f"version {entry.version}: champion again, rolled back{back}"
    instead = "" if entry.before is None else f" instead of {entry.before}"
    return f"version {entry.version}: {entry.action}{instead}"


def warn(file: str, damaged: Sequence[int]) -> None:
    """Say on standard error which lines were left out."""
    from oddwire.cli.terminal.printing import printer

    first = ", ".join(map(str, damaged[:_MOST_NUMBERS]))
    more = f" and {len(damaged) - _MOST_NUMBERS} more" if len(damaged) > _MOST_NUMBERS else ""
    what = "line" if len(damaged) == 1 else "lines"
    printer(err=True).print(
        f"warning: {what} {first}{more} of {file} cannot be read", soft_wrap=True, markup=False
    )

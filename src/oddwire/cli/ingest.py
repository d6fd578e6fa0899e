"""``oddwire ingest``: bring a source's new rows into its archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson, Source
from oddwire.params import load_params
from oddwire.project import Project

if TYPE_CHECKING:
    from rich.console import Console

    from oddwire.operations.data.ingesting import Ingested

_MOST_LINKS = 3  # that are named

EPILOG = """
**Examples**

`oddwire ingest office`

`oddwire ingest office --json`
"""


def ingest(source: Source, as_json: AsJson = False) -> None:
    """Bring a source's new rows in, and say what was read, refused or late.

    Each log file is read once, whatever becomes of its name, and stays in the archive when it has
    gone. A training and a drift check do this by themselves.
    """
    quiet_tools(terminal=True)
    project = Project.find()
    settings = load_params(project.params_file).source(source)
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.operations.data.ingesting import ingest_source

    with shown_progress(quiet=as_json):
        ingested = ingest_source(project, source, settings)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(ingested.to_dict())
    else:
        show(ingested)


def show(ingested: Ingested) -> None:
    """Print what the archive holds, and what was refused."""
    from rich.markup import escape

    from oddwire.cli.terminal.printing import print_table, printer

    console = printer()
    counts = {
        "log files read now": ingested.new,
        "log files read before": ingested.known,
        "log files that have gone, their rows kept": ingested.gone,
        "log files that are empty": ingested.empty,
        "links that lead to no file": len(ingested.broken_links),
        "rows in the archive": ingested.rows,
        "rows that came late, before the newest of them": ingested.late,
        "earlier records of a connection, left out": ingested.superseded,
        "lines refused": ingested.refused,
    }
    rows = [{"what": what, "count": f"{count:,}"} for what, count in counts.items()]
    print_table(console, rows, title=f"Archive of {ingested.source}", text=("what",))
    console.print()
    if ingested.first is not None and ingested.last is not None:
        console.print(f"Known from {ingested.first[:19]} to {ingested.last[:19]} (UTC)")
    for line in ingested.cut_off:
        console.print(escape(f"Cut off: {line}"), soft_wrap=True, style="yellow")
    for link in ingested.broken_links[:_MOST_LINKS]:
        console.print(escape(f"Leads to no file: {link}"), soft_wrap=True, style="yellow")
    _show_refusals(console, ingested)


def _show_refusals(console: Console, ingested: Ingested) -> None:
    """Print of which files read now lines were refused, why, and where all of them are."""
    from rich.markup import escape

    for one in ingested.refusals:
        lines, which = "1 line was", "line"
        if one.refused > 1:
            lines, which = f"{one.refused:,} lines were", "the first is line"
        refused = f"{one.file}: {lines} refused; {which} {one.line:,}: {one.reason}"
        console.print(escape(refused), soft_wrap=True, style="yellow")
        console.print(escape(f"  text and reason of each: {one.kept_in}"), soft_wrap=True)

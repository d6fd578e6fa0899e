"""``oddwire ingest``: bring a source's new rows into its archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson, Source
from oddwire.params import load_params
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.operations.data.ingesting import Ingested

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
        "files read now": ingested.new,
        "files known": ingested.known,
        "files gone, rows kept": ingested.gone,
        "rows": ingested.rows,
        "lines refused": ingested.refused,
        "rows superseded": ingested.superseded,
        "rows late": ingested.late,
    }
    rows = [{"what": what, "count": f"{count:,}"} for what, count in counts.items()]
    print_table(console, rows, title=f"Archive of {ingested.source}", text=("what",))
    console.print()
    if ingested.first is not None and ingested.last is not None:
        console.print(f"Known from {ingested.first[:19]} to {ingested.last[:19]} (UTC)")
    for line in ingested.cut_off:
        console.print(escape(f"Cut off: {line}"), soft_wrap=True, style="yellow")
    for one in ingested.refusals:
        told = f"Refused: {one.file}, line {one.line}: {one.reason}"
        console.print(escape(told), soft_wrap=True, style="yellow")
    for kept_in in sorted({one.kept_in for one in ingested.refusals}):
        console.print(escape(f"  all refused lines: {kept_in}"), soft_wrap=True)

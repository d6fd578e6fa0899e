"""``oddwire sources``: the sources of params.yaml, and how far each is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from oddwire.cli import sources_add
from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson
from oddwire.params import load_params
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.operations.registry.overview import SourceState

EPILOG = """
**Examples**

`oddwire sources`

`oddwire sources --json`

`oddwire sources add office '/opt/zeek/logs/*/conn.*.log.gz'`
"""


app = typer.Typer(invoke_without_command=True, rich_markup_mode="markdown")
app.command(epilog=sources_add.EPILOG)(sources_add.add)


@app.callback(epilog=EPILOG)
def sources(context: typer.Context, as_json: AsJson = False) -> None:
    """List the sources of params.yaml: their rows, and whether each is prepared and trained."""
    if context.invoked_subcommand is not None:
        return
    quiet_tools(terminal=True)
    project = Project.find()
    params = load_params(project.params_file)
    from oddwire.cli.terminal.progress_bars import shown_step

    with shown_step("look at the sources", quiet=as_json):
        from oddwire.operations.registry.overview import source_states

        found = source_states(project, params)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json([state.to_dict() for state in found.states])
    else:
        show(found.states)
    if found.store_error:
        from oddwire.cli.terminal.printing import printer
        from oddwire.traffic.wire_text import printable

        text = f"warning: champions and trainings are unknown: {printable(found.store_error)}"
        printer(err=True).print(text, soft_wrap=True, markup=False)


def show(states: tuple[SourceState, ...]) -> None:
    """Print a table, and what each source's rows come from below it."""
    from rich.markup import escape

    from oddwire.cli.terminal.printing import print_table, printer
    from oddwire.traffic.wire_text import printable

    console = printer()
    rows = [
        {
            "source": state.name,
            "format": state.format,
            "watched": "no" if state.watched is None else "yes",
            "prepared": "yes" if state.prepared else "no",
            "champion": state.champion or "-",
            "last training (UTC)": (state.last_training or "-")[:16].replace("T", " "),
        }
        for state in states
    ]
    if not rows:
        console.print("params.yaml has no sources yet")
        return
    heads = ("source", "format", "watched", "prepared", "champion", "last training (UTC)")
    optional = (heads[-1], "watched", "format")
    print_table(console, rows, title="Sources", text=heads, optional=optional)
    console.print()
    for state in states:
        text = f"{state.name}: {printable(state.rows_from)}"
        console.print(escape(text), soft_wrap=True)
        if state.watched is not None:
            console.print(escape(f"  watched: {printable(state.watched)}"), soft_wrap=True)
        for file in state.missing:
            console.print(escape(f"  missing: {printable(file)}"), soft_wrap=True, style="yellow")

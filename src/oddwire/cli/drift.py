"""``oddwire drift``: whether the traffic has changed since the champion was trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.servers.session import session
from oddwire.params import load_params
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.operations.drift.check import DriftResult

EXIT_DRIFT = 3
_SHOWN_COLUMNS = 8
EPILOG = """
Exit code 0: no drift, 3: drift, 2: a mistake.

**Examples**

`oddwire drift office --current today.csv`

`oddwire drift simulated --scenario new_service --json`
"""


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("drift", epilog=EPILOG)(drift)


def drift(
    source: Annotated[str, typer.Argument(help="A source with a champion.")],
    current: Annotated[
        Path | None,
        typer.Option(help="Current rows in the source's format.", show_default="the newest rows"),
    ] = None,
    scenario: Annotated[
        str, typer.Option(help="For a simulated source: none, or a drift scenario.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Compare current traffic with what the champion was trained on."""
    quiet_tools(terminal=True)
    project = Project.find()
    load_params(project.params_file).source(source)
    from oddwire.operations.drift.check import check_scenario
    from oddwire.operations.registry.versions import Registry
    from oddwire.operations.tracking.store import Tracking

    check_scenario(scenario)
    Registry.of(Tracking.connect(project), project).champion(source)
    with session(project, quiet=as_json):
        file = "" if current is None else str(current.absolute())
        result = run_check(source, current=file, scenario=scenario)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(result.to_dict())
    else:
        show(result)
    if result.check.drifted:
        raise typer.Exit(EXIT_DRIFT)


def run_check(source: str, *, current: str = "", scenario: str = "") -> DriftResult:
    """Run the monitoring flow, inside a session."""
    from flows.drift_check import Scenario, check_drift

    return check_drift(source=source, current=current, scenario=cast("Scenario", scenario))


def show(result: DriftResult) -> None:
    """Print the verdict and the columns that moved most."""
    from rich.markup import escape
    from rich.table import Table

    from oddwire.cli.terminal.printing import printer
    from oddwire.operations.drift.verdict import ranked
    from oddwire.traffic.wire_text import printable

    table = Table(
        title=f"Drift check of {result.source}: {escape(result.current)}", title_justify="left"
    )
    for head in ("column", "share that moved", "threshold", ""):
        table.add_column(
            head, justify="right" if head in {"share that moved", "threshold"} else "left"
        )
    for one in ranked(result.check.columns)[:_SHOWN_COLUMNS]:
        mark = "drifted" if one.drifted else ""
        name = escape(printable(one.column))  # names come from the wire
        table.add_row(name, f"{one.statistic:.3f}", f"{one.threshold:.3f}", mark)
    console = printer()
    console.print(table)
    console.print(escape(printable(result.check.verdict)))
    console.print(f"Report: {escape(str(result.report))}", soft_wrap=True)

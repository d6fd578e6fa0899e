"""``oddwire drift``: whether the traffic has changed since the champion was trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson, Since, Source, Until
from oddwire.cli.servers.session import run_flow, session
from oddwire.errors import DataError
from oddwire.params import DRIFT_SCENARIOS, load_params
from oddwire.params.stage_settings import PeriodSettings
from oddwire.params.values.paths import is_text, path_fault
from oddwire.percent import percent
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.operations.drift.result import DriftResult

EXIT_DRIFT = 3
_SHOWN_COLUMNS = 8
EPILOG = """
Exit codes: 0 no drift, 2 error, 3 drift in a period that was looked at.

**Examples**

`oddwire drift office --current today.csv`

`oddwire drift office --current "incoming/*.csv"`

`oddwire drift simulated --scenario new_service --json`

`oddwire drift office --since 2026-03-02 --until 2026-03-03`
"""


def drift(
    source: Source,
    current: Annotated[
        str,
        typer.Option(
            metavar="FILE|GLOB|FOLDER",
            help="Current rows in the source's format; each file is a period.",
            show_default="what no check has looked at yet",
        ),
    ] = "",
    scenario: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Simulate the current rows: none, {', '.join(DRIFT_SCENARIOS)}.",
        ),
    ] = "",
    since: Since = "",
    until: Until = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Compare current traffic with what the champion was trained on.

    By default what no check has looked at yet: files under drift.current, the next simulated day,
    or the whole days since the last check. Rows without a time: the test part.
    """
    quiet_tools(terminal=True)
    project = Project.find()
    load_params(project.params_file).source(source)
    from oddwire.cli.terminal.progress_bars import shown_step

    asked = PeriodSettings.asked(since, until)
    if current and (fault := path_fault(current)) is not None:
        raise DataError(f"--current {fault}")
    if not is_text(current):  # Prefect keeps what a flow is asked
        raise DataError("--current must be text: name the folder of the file, or a pattern")
    # Where there is no such user, "~name" stays and matches no file; pathlib's would fail.
    place = str(Path(os.path.expanduser(current)).absolute()) if current else ""  # noqa: PTH111
    with shown_step("find the champion", quiet=as_json):
        from oddwire.operations.drift.check import check_question
        from oddwire.operations.registry.versions import Registry
        from oddwire.operations.tracking.store import Tracking

        check_question(project, current=place, scenario=scenario, asked=asked)
        Registry.of(Tracking.connect(project), project).champion(source)
    with session(project, quiet=as_json):
        result = run_check(source, current=place, scenario=scenario, since=since, until=until)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(result.to_dict())
    else:
        show(result)
    if result.drifted:
        raise typer.Exit(EXIT_DRIFT)


def run_check(
    source: str, *, current: str = "", scenario: str = "", since: str = "", until: str = ""
) -> DriftResult:
    """Run the drift-check flow, inside a session."""
    from flows.drift_check import NEW_TRAFFIC, Scenario, check_drift

    asked = cast("Scenario", scenario or NEW_TRAFFIC)
    return run_flow(
        check_drift, source=source, current=current, scenario=asked, since=since, until=until
    )


def show(result: DriftResult) -> None:
    """Print the verdict and the columns that moved most."""
    from rich.markup import escape

    from oddwire.cli.terminal.printing import print_table, printer
    from oddwire.operations.drift.verdict import ranked
    from oddwire.traffic.wire_text import printable

    console = printer()
    for one in result.earlier:
        word = "DRIFT" if one.check.drifted else "no drift"
        console.print(f"{escape(one.subject.title)}: {word}")
    rows = [
        {
            "column": escape(printable(column.column)),  # names come from the wire
            "distance": percent(column.statistic),
            "threshold": percent(column.threshold),
            "": "drifted" if column.drifted else "",
        }
        for column in ranked(result.check.columns)[:_SHOWN_COLUMNS]
    ]
    hidden = len(result.check.columns) - len(rows)
    title = f"Drift check of {result.source}: {escape(result.subject.title)}"
    print_table(console, rows, title=title, text=("column", ""))
    more = f"; {hidden} more columns are in the report" if hidden else ""
    console.print(f"  farthest beyond the threshold first{more}", style="dim")
    console.print()
    for line in (result.check.verdict, *result.remarks):
        console.print(escape(printable(line)))
    if result.report:
        console.print(f"Report: {escape(printable(result.report))}", soft_wrap=True)

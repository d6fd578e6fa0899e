"""``oddwire score``: score a file with a source's champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.project import Project


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "score", epilog="**Example** `oddwire score today.csv --source office --out scored.csv`"
    )(score)


def score(
    file: Annotated[Path, typer.Argument(help="Rows in the source's format.")],
    source: Annotated[str, typer.Option(help="The source whose champion scores.")],
    out: Annotated[Path, typer.Option(help="Where to write: .csv, .csv.gz or .parquet.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Score every row of a file: anomaly score, p-value, alert."""
    quiet_tools(terminal=True)
    from oddwire.cli.printing import print_json, printer, shown_progress
    from oddwire.operations.scoring import score_file

    with shown_progress(quiet=as_json):
        done = score_file(Project.find(), source, file, out)
    if as_json:
        print_json(vars(done))
        return
    from rich.markup import escape

    console = printer()
    console.print(
        f"{done.rows:,} rows scored by version {done.version} ({done.detector}), "
        f"{done.alerts:,} alerts at a false-alarm budget of {done.max_fpr:.3g}\n"
        f"written to {escape(str(done.out))}"
    )
    if done.missing or done.infinite or done.unseen:
        console.print(
            f"handled: {done.missing:,} missing and {done.infinite:,} infinite numbers, "
            f"{done.unseen:,} categories never seen in training",
            style="dim",
        )

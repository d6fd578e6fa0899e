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
    fdr: Annotated[
        float | None,
        typer.Option(
            help="Mark discoveries, of which at most this share is benign on average.",
            show_default=False,
        ),
    ] = None,
    adaptive: Annotated[
        bool, typer.Option("--adaptive", help="Add alerts of a threshold that follows drift.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say which features made alerts odd.")
    ] = False,
    explain_most: Annotated[
        int, typer.Option(help="Explain at most so many alerts, the most unusual.", min=1)
    ] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Score every row of a file: anomaly score, p-value, alert."""
    quiet_tools(terminal=True)
    from oddwire.cli.terminal.printing import print_json, printer, shown_progress
    from oddwire.operations.scoring.score_file import score_file

    with shown_progress(quiet=as_json):
        done = score_file(
            Project.find(), source, file, out, max_fdr=fdr, adaptive=adaptive,
            explain_most=explain_most if explain else 0,
        )  # fmt: skip
    if as_json:
        print_json(vars(done))
        return
    from rich.markup import escape

    console = printer()
    console.print(
        f"{done.rows:,} rows scored by version {done.version} ({done.detector}), "
        f"{done.alerts:,} alerts (p-value at most {done.alert_p_value:.3g})\n"
        f"written to {escape(str(done.out))}"
    )
    if done.discoveries is not None:
        console.print(
            f"{done.discoveries:,} discoveries at a false-discovery rate of {fdr:.3g}, "
            f"{done.counted_discoveries:,} of them without p-values from the tail's law"
        )
    if done.adaptive_alerts is not None:
        console.print(f"{done.adaptive_alerts:,} alerts of the threshold that follows drift")
    if done.explanations is not None:
        which = "all" if done.explained == done.alerts else f"the {done.explained:,} most unusual"
        console.print(
            f"explained {which} alerts in the column `why` and in {escape(str(done.explanations))}"
        )
    if done.missing or done.infinite or done.unseen:
        console.print(
            f"handled: {done.missing:,} missing and {done.infinite:,} infinite numbers, "
            f"{done.unseen:,} categories never seen in training",
            style="dim",
        )

"""``oddwire score``: score a file with the champion of a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.operations.scoring.score_file import ScoredFile

EPILOG = """
**Examples**

`oddwire score today.csv --source office --out scored.csv`

`oddwire score today.csv --source office --out scored.parquet --explain`
"""


def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Rows in the source's format.")],
    source: Annotated[
        str, typer.Option(metavar="SOURCE", help="The source whose champion scores the rows.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Output file: .csv, .csv.gz or .parquet.")
    ],
    fdr: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Mark discoveries at this false-discovery rate: the share of benign rows among "
            "them, on average.",
            show_default="no discoveries",
        ),
    ] = None,
    adaptive: Annotated[
        bool, typer.Option("--adaptive", help="Add alerts of a threshold that follows drift.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say which features made the alerts anomalous.")
    ] = False,
    explain_most: Annotated[
        int, typer.Option(metavar="N", help="Explain the N most anomalous alerts.", min=1)
    ] = 200,
    as_json: AsJson = False,
) -> None:
    """Score every row of a file: anomaly score, p-value, alert."""
    quiet_tools(terminal=True)
    from oddwire.cli.terminal.printing import print_json
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.operations.scoring.score_file import score_file

    with shown_progress(quiet=as_json):
        scored = score_file(
            Project.find(), source, file, out, max_fdr=fdr, adaptive=adaptive,
            explain_most=explain_most if explain else 0,
        )  # fmt: skip
    if as_json:
        print_json(vars(scored))
    else:
        show(scored, fdr=fdr)


def show(scored: ScoredFile, *, fdr: float | None = None) -> None:
    """Print what was found and where it was written."""
    from rich.markup import escape

    from oddwire.cli.terminal.printing import printer

    console = printer()
    console.print(
        f"{scored.rows:,} rows scored by version {scored.version} ({scored.detector}): "
        f"{scored.alerts:,} alerts, with p-values of at most {scored.alert_p_value:.3g}"
    )
    if scored.discoveries is not None:
        console.print(
            f"{scored.discoveries:,} discoveries at a false-discovery rate of {fdr:.3g}, "
            f"{scored.counted_discoveries:,} of them without extrapolated p-values"
        )
    if scored.adaptive_alerts is not None:
        console.print(f"{scored.adaptive_alerts:,} alerts of the threshold that follows drift")
    console.print(f"Written to {escape(str(scored.out))}", soft_wrap=True)
    if scored.explanations is not None:
        which = (
            "All"
            if scored.explained == scored.alerts
            else f"The {scored.explained:,} most anomalous"
        )
        console.print(
            f"{which} alerts are explained in its column `why` and in "
            f"{escape(str(scored.explanations))}",
            soft_wrap=True,
        )
    if scored.missing or scored.infinite or scored.unseen:
        console.print(
            f"Data issues: {scored.missing:,} missing and {scored.infinite:,} infinite numbers, "
            f"{scored.unseen:,} categories never seen in training",
            style="dim",
        )

"""``oddwire score``: score one file, or many, with the champion of a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson
from oddwire.errors import ParameterError
from oddwire.params import load_params
from oddwire.percent import percent
from oddwire.project import Project

if TYPE_CHECKING:
    from rich.console import Console

    from oddwire.operations.scoring.folders.scored_parts import ScoredParts
    from oddwire.operations.scoring.score_file import ScoredFile

EXPLAINED = 200  # alerts by default: a second or two
EPILOG = """
The output holds all columns of FILE, and `anomaly_score` (higher = more anomalous), `p_value`
(share of benign rows at least as anomalous), `extrapolated` (the p-value is smaller than counting
can show), `alert`, `unit_p_value` (share of benign units, a source in ten minutes, whose worst row
is at least as anomalous as this one's so far), `model_version`; where asked for `discovery`,
`adaptive_threshold`, `adaptive_alert` and `why`. `--explain` also writes all its figures to
NAME.explained.csv.

Of many files, or where OUT is a folder, each file becomes a Parquet file in it; without FILE, each
day of the source's rows. What was killed goes on where it was, and later only what is new is
scored.

**Examples**

`oddwire score today.csv --source office --out scored.csv`

`oddwire score today.csv --source office --out scored.parquet --explain`

`oddwire score 'logs/conn.*.log.gz' --source office --out scored/`

`oddwire score --source office --since 2026-03-09 --out scored/ --adaptive`
"""


def score(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="Rows in the source's format, or glob patterns of such files. None: the rows that "
            "`oddwire ingest` brought in.",
            show_default=False,
        ),
    ] = None,
    *,
    source: Annotated[
        str, typer.Option(metavar="SOURCE", help="The source whose champion scores the rows.")
    ],
    out: Annotated[
        str,
        typer.Option(
            metavar="OUT", help="Output file (.csv, .csv.gz or .parquet), or a folder of them."
        ),
    ],
    since: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Without FILE: score rows known from then on, such as 2026-03-02.",
            show_default="the first row",
        ),
    ] = "",
    until: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Without FILE: score rows known before then.",
            show_default="the last row",
        ),
    ] = "",
    fdr: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Mark as discoveries the rows of which on average at most this share is benign "
            "(false-discovery rate).",
            show_default="no discoveries",
        ),
    ] = None,
    adaptive: Annotated[
        bool,
        typer.Option(
            "--adaptive",
            help="Add alerts of a threshold that follows drift, by a step a day; needs a time in "
            "every row. Of days or many files, it goes on from one to the next.",
        ),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Say which features set the most anomalous alerts apart."),
    ] = False,
    explain_most: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Explain the N most anomalous alerts.", min=1,
            show_default=f"{EXPLAINED} with --explain",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Write over a file that is there and was not written by a scoring."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Score every row of a file, or of many: anomaly score, p-value, alert."""
    quiet_tools(terminal=True)
    project = Project.find()
    load_params(project.params_file).source(source)
    from oddwire.cli.terminal.printing import print_json
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.operations.progress import step

    one = many = None
    with shown_progress(quiet=as_json):
        with step("start"):
            from oddwire.operations.scoring.folders.many_files import score_files
            from oddwire.operations.scoring.folders.period import score_period
            from oddwire.operations.scoring.score_file import score_file
            from oddwire.operations.scoring.scored_files import into_one_file
            from oddwire.params.stage_settings import PeriodSettings
        chosen, target = _chosen(files or []), Path(out)
        is_one = bool(chosen) and into_one_file(out, len(chosen))
        explained = explain_most or (EXPLAINED if explain else 0)
        _check_fit(chosen, is_one=is_one, period=since or until, fdr=fdr, explained=explained)
        if is_one:
            one = score_file(
                project, source, chosen[0], target, max_fdr=fdr, adaptive=adaptive,
                explain_most=explained, overwrite=overwrite,
            )  # fmt: skip
        elif chosen:
            many = score_files(
                project, source, chosen, target, explain_most=explained, adaptive=adaptive,
                overwrite=overwrite,
            )  # fmt: skip
        else:
            period = PeriodSettings.asked(since, until) or PeriodSettings()
            many = score_period(
                project, source, *period.moments, target, adaptive=adaptive, overwrite=overwrite
            )
    if as_json and (scored := one or many):
        print_json(scored.to_dict())
    elif one is not None:
        show(one, fdr=fdr)
    elif many is not None:
        show_many(many)


def _chosen(named: list[str]) -> list[Path]:
    """Return the files that paths and patterns name.

    What names no file is among them: it is refused with the other faults, and not passed over.
    """
    from oddwire.traffic.sources.reading.files import log_files

    lost = [name for name in named if not log_files([name], root=Path.cwd(), required=False)]
    return [*log_files(named, root=Path.cwd(), required=False), *map(Path, lost)]


def _check_fit(
    chosen: list[Path], *, is_one: bool, period: str, fdr: float | None, explained: int
) -> None:
    """Refuse options that do not go with what is to be scored."""
    if chosen and period:
        raise ParameterError("--since and --until need no FILE: they are of the source's rows")
    if fdr is not None and not is_one:
        raise ParameterError("--fdr needs one file, and a file as --out")
    if not chosen and explained:
        raise ParameterError("--explain needs a FILE: a period's alerts are not explained")


def show(scored: ScoredFile, *, fdr: float | None = None) -> None:
    """Print what was found and where it was written."""
    from rich.markup import escape

    from oddwire.cli.terminal.printing import printer
    from oddwire.operations.scoring.page import adaptive_in_words, alerts_in_words
    from oddwire.traffic.wire_text import printable

    console = printer()
    console.print(f"{scored.rows:,} rows scored by version {scored.version} ({scored.detector})")
    console.print(alerts_in_words(scored))
    if scored.discoveries is not None and fdr is not None:
        console.print(
            f"{scored.discoveries:,} discoveries, of which at most {percent(fdr)} are benign on "
            f"average; {scored.counted_discoveries:,} of them without extrapolated p-values"
        )
    if adaptive := adaptive_in_words(scored):
        console.print(adaptive)
    if scored.missing or scored.infinite or scored.unseen:
        console.print(
            f"Data issues: {scored.missing:,} missing and {scored.infinite:,} infinite numbers, "
            f"{scored.unseen:,} categories never seen in training",
            style="dim",
        )
    if scored.explanations is not None:
        _show_unusual(console, scored)
    _show_what_was_not_read(console, scored)
    console.print(f"Written to {escape(printable(str(scored.out)))}", soft_wrap=True)
    if scored.explanations is not None:
        _show_where_explained(console, scored.explanations, scored)


def show_many(scored: ScoredParts) -> None:
    """Print what was found in many files and where it was written."""
    from rich.markup import escape

    from oddwire.cli.terminal.printing import printer
    from oddwire.operations.scoring.page import adaptive_in_words, alerts_in_words
    from oddwire.traffic.wire_text import printable

    console = printer()
    parts = "1 part" if scored.parts == 1 else f"{scored.parts:,} parts"
    console.print(
        f"{scored.rows:,} rows in {parts} scored by version {scored.version} ({scored.detector})"
    )
    if scored.before:
        console.print(f"{scored.before:,} of the parts were scored before", style="dim")
    if scored.refused:
        console.print(
            f"{_lines_were(scored.refused)} refused: beside the parts, in NAME.refused.jsonl",
            style="yellow",
        )
    console.print(alerts_in_words(scored))
    if adaptive := adaptive_in_words(scored):
        console.print(adaptive)
    console.print(f"Written to {escape(printable(str(scored.out)))}", soft_wrap=True)


def _show_what_was_not_read(console: Console, scored: ScoredFile) -> None:
    from rich.markup import escape

    from oddwire.traffic.wire_text import printable

    if scored.cut:
        console.print(f"Read up to where the file is cut off: {scored.cut}", style="yellow")
    if scored.refused_lines is not None:
        were = _lines_were(scored.refused)
        console.print(f"{were} refused: their numbers and reasons are in", style="yellow")
        console.print(f"  {escape(printable(str(scored.refused_lines)))}", soft_wrap=True)


def _show_where_explained(console: Console, file: Path, scored: ScoredFile) -> None:
    from rich.markup import escape

    from oddwire.traffic.wire_text import printable

    if not scored.alerts:
        console.print("There is no alert to explain")
        return
    every = scored.explained == scored.alerts
    which = "all alerts" if every else f"the {scored.explained:,} most anomalous alerts"
    console.print(f"Explanations of {which}: in its column `why`; with all figures in")
    console.print(f"  {escape(printable(str(file)))}", soft_wrap=True)


def _lines_were(count: int) -> str:
    return "1 line was" if count == 1 else f"{count:,} lines were"


def _show_unusual(console: Console, scored: ScoredFile) -> None:
    """Print the most anomalous alerts: how unusual, which connection, why."""
    from rich.padding import Padding
    from rich.text import Text

    explained = [alert for alert in scored.unusual if alert.reasons]
    if not explained:
        return
    console.print(
        f"\nThe {len(explained)} most unusual alerts, and what set them apart",
        style="bold",
    )
    console.print(
        "  rows counted from 0; percentages are shares of what makes the score high", style="dim"
    )
    for alert in explained:
        console.print(f"\nrow {alert.row:,}: {alert.odds}, anomaly score {alert.score:.4g}")
        for line in (alert.connection, *alert.reasons):
            if line:
                console.print(Padding(Text(line, overflow="fold"), (0, 0, 0, 2), expand=False))
    console.print()

"""``oddwire train``: the training flow, as started from the Prefect page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson, Since, Source, Until
from oddwire.cli.servers.session import run_flow, session
from oddwire.params import DetectorName, Params, load_params
from oddwire.params.stage_settings import PeriodSettings
from oddwire.project import Project

if TYPE_CHECKING:
    from rich.console import Console

    from oddwire.operations.training.results import TrainingResult

EPILOG = """
**Examples**

`oddwire train simulated --trials 5`

`oddwire train nsl-kdd --detectors isolation_forest,autoencoder --no-promote`

`oddwire train office --since 2026-03-02 --until 2026-03-16`
"""


def train(
    source: Source,
    trials: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", show_default="search.trials",
            help="Trials per detector; 0 or no labelled attacks: the default hyperparameters.",
        ),
    ] = None,
    detectors: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Comma-separated names of detectors.",
            show_default="search.detectors",
        ),
    ] = None,
    promote: Annotated[bool, typer.Option(help="Whether the best may become champion.")] = True,
    supervised_baselines: Annotated[
        bool,
        typer.Option(
            "--supervised-baselines",
            help="Also train classifiers on the labels, to show what labels would add.",
        ),
    ] = False,
    since: Since = "",
    until: Until = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Search, fit, evaluate, register and promote a model for a source."""
    quiet_tools(terminal=True)
    project = Project.find()
    params = load_params(project.params_file)
    settings = params.source(source)
    PeriodSettings.asked(since, until)  # refused before any server starts, as what is not there
    from oddwire.operations.data.pipeline import check_source_files

    check_source_files(project, source, settings)
    chosen = params.search.detectors
    if detectors is not None:
        from oddwire.operations.training.fitting import parse_detectors

        chosen = parse_detectors(detectors)
    unrecorded = None
    with session(project, quiet=as_json):
        from oddwire.operations.training.outages.unrecorded import UnrecordedError

        try:
            result = run_training(
                params, source, trials=trials, detectors=chosen, promote=promote,
                supervised_baselines=supervised_baselines, since=since, until=until,
            )  # fmt: skip
        except UnrecordedError as error:
            if error.result is None:
                raise
            unrecorded, result = error, error.result
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(vars(result))
    else:
        show(project, result)
    if unrecorded is not None:  # it ends in an error all the same, for whoever waits for a model
        raise unrecorded


def run_training(
    params: Params,
    source: str,
    *,
    trials: int | None = None,
    detectors: Sequence[DetectorName] | None = None,
    promote: bool = True,
    supervised_baselines: bool = False,
    since: str = "",
    until: str = "",
) -> TrainingResult:
    """Run the training flow inside a session; what is None is taken from ``params``."""
    from flows.training import train as flow

    return run_flow(
        flow,
        source=source,
        trials=params.search.trials if trials is None else trials,
        detectors=list(params.search.detectors if detectors is None else detectors),
        promote=promote,
        supervised_baselines=supervised_baselines,
        since=since,
        until=until,
    )


def show(project: Project, result: TrainingResult) -> None:
    """Print the leaderboard, the promotion and where to look."""
    from rich.markup import escape

    from oddwire.cli.servers.processes import HOST, PREFECT_PORT
    from oddwire.cli.terminal.leaderboard_table import print_leaderboard
    from oddwire.cli.terminal.printing import printer
    from oddwire.evaluation.campaigns.report import figures_in_words
    from oddwire.operations.registry.versions import model_name
    from oddwire.traffic.wire_text import printable

    print_leaderboard(result.leaderboard, title=f"Training on {result.source}")
    console = printer()
    console.print()
    for sentence in result.supervised_baselines:
        console.print(f"  - {escape(printable(sentence))}")
    for detector, reason in result.failed.items():
        console.print(f"Left out: {detector}, which failed: {escape(printable(reason))}")
    row = next(row for row in result.leaderboard if row["detector"] == result.detector)
    if result.choice:
        console.print(escape(printable(result.choice)))
    _show_threshold(console, row)
    if figures := figures_in_words(row):
        console.print(f"{row['detector']}: {figures}")
    if result.cut_campaigns:
        console.print(f"Campaigns in two parts: {result.cut_campaigns}", style="yellow")
    if result.shared_rows:
        console.print(f"Shared rows: {result.shared_rows}", style="yellow")
    if result.drop_line:
        console.print(
            "Columns that look like identifiers or give the label away; to leave them out:",
            style="yellow",
        )
        console.print(f"  {escape(printable(result.drop_line))}", style="yellow", soft_wrap=True)
    if not result.version:
        return
    console.print(f"{model_name(result.source)} version {result.version}: {escape(result.reason)}")
    console.print(f"MLflow run {result.link}", soft_wrap=True)
    root = escape(str(project.root))
    console.print(f"\n`make up` in {root} starts the MLflow page, and", soft_wrap=True)
    console.print(f"the Prefect page, http://{HOST}:{PREFECT_PORT}")


def _show_threshold(console: Console, row: Mapping[str, Any]) -> None:
    """Print whether the winner keeps its target, and what its calibration cannot promise."""
    from rich.markup import escape

    from oddwire.traffic.wire_text import printable

    if sentence := row.get("target_sentence"):
        console.print(f"Test rows: {sentence}")
    for note in row.get("threshold_notes", []):
        console.print(f"Threshold: {escape(printable(note))}")

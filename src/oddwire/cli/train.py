"""``oddwire train``: the training flow, as started from the Prefect page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.servers.session import session
from oddwire.params import Params, load_params
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.operations.training.results import TrainingResult

EPILOG = """
**Examples**

`oddwire train simulated --trials 5`

`oddwire train nsl-kdd --detectors isolation_forest,autoencoder --no-promote`

`oddwire train nsl-kdd --detectors isolation_forest,one_class_svm,autoencoder,ensemble --baselines`
"""


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train", epilog=EPILOG)(train)


def train(
    source: Annotated[str, typer.Argument(help="A source of params.yaml.")],
    trials: Annotated[
        int | None,
        typer.Option(
            min=0, help="Trials per detector; 0 trains the defaults.", show_default="search.trials"
        ),
    ] = None,
    detectors: Annotated[
        str | None, typer.Option(help="Names, divided by commas.", show_default="search.detectors")
    ] = None,
    promote: Annotated[bool, typer.Option(help="Let the best one become champion.")] = True,
    baselines: Annotated[
        bool,
        typer.Option("--baselines", help="Judge supervised classifiers beside: what labels add."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Search, fit, evaluate, register and promote a model for a source."""
    quiet_tools(terminal=True)
    project = Project.find()
    params = load_params(project.params_file)
    params.source(source)
    if detectors is not None:
        from oddwire.operations.training.fitting import parse_detectors

        parse_detectors(detectors)
    with session(project, quiet=as_json):
        result = run_training(
            params, source, trials=trials, detectors=detectors, promote=promote, baselines=baselines
        )
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(as_dict(result))
    else:
        show(project, result)


def run_training(
    params: Params,
    source: str,
    *,
    trials: int | None,
    detectors: str | None,
    promote: bool,
    baselines: bool = False,
) -> TrainingResult:
    """Run the training flow, inside a session."""
    from flows.training import train as flow

    return flow(
        source=source,
        trials=params.search.trials if trials is None else trials,
        detectors=",".join(params.search.detectors) if detectors is None else detectors,
        promote=promote,
        baselines=baselines,
    )


def as_dict(result: TrainingResult) -> dict[str, Any]:
    """Return what a machine reads."""
    names = (
        "source", "run_id", "leaderboard", "version", "detector", "promoted", "reason", "failed",
        "baselines",
    )  # fmt: skip
    return {name: getattr(result, name) for name in names}


def _why_chosen(row: dict[str, Any], *, alone: bool) -> str:
    from oddwire.operations.search.objective import in_words

    how = "with" if alone else "the best by"
    return (
        f"{row['detector']} is the challenger, {how} a value on validation rows of "
        f"{row['validation']:.4f} ({in_words(row['criterion'])})"
    )


def _broken_promise(row: dict[str, Any]) -> str:
    """Say that more benign test rows raise an alert than chance explains; empty where not."""
    if row["target_verdict"] != "above":
        return ""
    return (
        f"Its alerts on benign test rows, {row['false_positive_rate']:.2%}, are more than the "
        f"{row['target_fpr']:.2%} target: these rows are not like the calibration rows"
    )


def show(project: Project, result: TrainingResult) -> None:
    """Print the leaderboard, the promotion and where to look."""
    from rich.markup import escape

    from oddwire.cli.servers.processes import HOST, MLFLOW_PORT, MLFLOW_VIEW, PREFECT_PORT
    from oddwire.cli.terminal.printing import print_leaderboard, printer
    from oddwire.operations.registry.versions import model_name
    from oddwire.traffic.wire_text import printable

    print_leaderboard(result.leaderboard, title=f"Training on {result.source}")
    console = printer()
    for told in result.baselines:
        console.print(f"  - {escape(printable(told))}")
    for name, why in result.failed.items():
        console.print(f"left out: {name}, which failed with {escape(printable(why))}")
    row = next(row for row in result.leaderboard if row["detector"] == result.detector)
    console.print(_why_chosen(row, alone=len(result.leaderboard) == 1))
    if broken := _broken_promise(row):
        console.print(broken)
    console.print(f"{model_name(result.source)} version {result.version}: {escape(result.reason)}")
    console.print(f"MLflow run {result.run_id}")
    console.print(
        f"Where to look: `make up` in {escape(str(project.root))} starts the MLflow page "
        f"http://{HOST}:{MLFLOW_PORT}{MLFLOW_VIEW} and the Prefect page http://{HOST}:{PREFECT_PORT}"
    )

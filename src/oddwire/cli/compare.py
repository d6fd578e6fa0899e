"""``oddwire compare``: trainings side by side, with paired differences on the same test rows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson
from oddwire.errors import ParameterError
from oddwire.params import load_params
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.operations.comparison.trainings import Comparison, TrainingRecord

EPILOG = """
**Examples**

`oddwire compare nsl-kdd` compares the two newest finished trainings on the source.

`oddwire compare 5a0c1e... 77b2f4...` compares trainings by the MLflow run ids that `oddwire train`
prints: each one with the first.
"""


def compare(
    trainings: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE | RUN RUN...",
            help="A source of params.yaml, or run ids of two or more trainings.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show what changed between trainings, detector by detector.

    Where both evaluated the same test rows, differences come with 95 % intervals of a paired
    bootstrap; where they did not, each figure is shown with an interval of its own.
    """
    quiet_tools(terminal=True)
    kept, comparisons = compare_runs(Project.find(), trainings)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json({
            "trainings": [
                {"run_id": each.run_id, "name": each.name, "best_detector": each.best}
                for each in kept
            ],
            "comparisons": [comparison.to_dict() for comparison in comparisons],
        })  # fmt: skip
    else:
        from oddwire.cli.terminal.comparison_tables import print_comparison, print_trainings

        print_trainings(kept)
        for comparison in comparisons:
            print_comparison(comparison, [training.run_id for training in kept])


def compare_runs(
    project: Project, given: list[str]
) -> tuple[list[TrainingRecord], list[Comparison]]:
    """Read trainings back, and compare each further one with the first.

    Raises
    ------
    ParameterError
        If a single argument is not a source, or a training is named twice.
    NoModelError
        If there is no such training.
    """
    from oddwire.operations.comparison.training_history import load_training, two_newest
    from oddwire.operations.comparison.trainings import compare_trainings
    from oddwire.operations.tracking.store import Tracking

    if len(given) == 1:
        load_params(project.params_file).source(given[0])
    if len(set(given)) < len(given):
        raise ParameterError(f"compare needs different trainings, got {' '.join(given)}")
    tracking = Tracking.connect(project)
    if len(given) == 1:
        given = list(two_newest(tracking, given[0]))
    with TemporaryDirectory() as folder:
        kept = [load_training(tracking, run, Path(folder)) for run in given]
    return kept, [compare_trainings(kept[0], later) for later in kept[1:]]

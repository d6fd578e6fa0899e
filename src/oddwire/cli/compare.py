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

`oddwire compare nsl-kdd  # the newest training beside the champion's`

`oddwire compare 5a0c1e... 77b2f4...  # MLflow run ids: each with the first`

The newest training of a source is set beside the one before it where it is the champion's own.
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
    project = Project.find()
    if len(trainings) == 1:
        load_params(project.params_file).source(trainings[0])
    if len(set(trainings)) < len(trainings):
        raise ParameterError(f"compare needs different trainings, got {' '.join(trainings)}")
    from oddwire.cli.terminal.progress_bars import shown_step

    with shown_step("compare trainings", quiet=as_json):
        kept, comparisons, link = compare_runs(project, trainings)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json({
            "trainings": [
                {"run_id": each.run_id, "name": each.name, "best_detector": each.best}
                for each in kept
            ],
            "comparisons": [comparison.to_dict() for comparison in comparisons],
            "link": link,
        })  # fmt: skip
    else:
        from oddwire.cli.terminal.comparison_tables import print_comparison, print_trainings
        from oddwire.cli.terminal.printing import printer

        print_trainings(kept)
        for comparison in comparisons:
            print_comparison(comparison, [training.run_id for training in kept])
        printer().print(f"\nSide by side in MLflow: {link}", soft_wrap=True)


def compare_runs(
    project: Project, given: list[str]
) -> tuple[list[TrainingRecord], list[Comparison], str]:
    """Read trainings back, compare each further one with the first, and link to them in MLflow.

    Raises
    ------
    NoModelError
        If there is no such training.
    """
    from oddwire.operations.comparison.training_history import load_training, newest_pair
    from oddwire.operations.comparison.trainings import compare_trainings
    from oddwire.operations.registry.versions import Registry
    from oddwire.operations.tracking.store import Tracking

    tracking = Tracking.connect(project)
    if len(given) == 1:
        champion = Registry.of(tracking, project).version(given[0])
        run = None if champion is None else champion.run_id
        given = list(newest_pair(tracking, given[0], run))
    with TemporaryDirectory() as folder:
        kept = [load_training(tracking, run, Path(folder)) for run in given]
    link = tracking.compare_link(given)
    return kept, [compare_trainings(kept[0], later) for later in kept[1:]], link

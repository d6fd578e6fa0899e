"""A training that could not be recorded in MLflow: it is shown, kept here, and recorded later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from oddwire.errors import ServiceError
from oddwire.faults import faults_as_errors
from oddwire.operations.comparison.leaderboard import marked
from oddwire.operations.progress import step
from oddwire.operations.tracking.store import Tracking
from oddwire.operations.training import records
from oddwire.operations.training.results import EvaluatedDetector, Training, TrainingResult
from oddwire.project import Project


class UnrecordedError(ServiceError):
    """A training has a result, but MLflow was lost before it was recorded there."""

    def __init__(self, message: str, result: TrainingResult | None = None) -> None:
        super().__init__(message)
        self.result = result


@contextmanager
def recorded_or_kept(
    training: Training, evaluated: Sequence[EvaluatedDetector], best: EvaluatedDetector
) -> Iterator[None]:
    """Register and promote inside: where MLflow is lost, the result is raised with the reason.

    Raises
    ------
    UnrecordedError
        If MLflow was lost before, inside, or is at the end.
    """
    try:
        training.raise_if_lost()
        with faults_as_errors():
            yield
        training.raise_if_lost()
    except UnrecordedError:
        raise
    except ServiceError as error:
        source = training.source
        raise UnrecordedError(
            f"{error}; so MLflow was not told of this training. Its trials and models are kept in "
            f"data/studies and data/work: the same command again, or the next training of {source} "
            "with the same settings, tells MLflow and trains nothing twice",
            _shown(training, evaluated, best),
        ) from error


def _shown(
    training: Training, evaluated: Sequence[EvaluatedDetector], best: EvaluatedDetector
) -> TrainingResult:
    rows = [
        records.leaderboard_row(each.report, each.searched.run_id, "") | each.on_validation
        for each in evaluated
    ]
    return TrainingResult(
        training.source, training.run_id, marked(rows, winner=best.detector, champion=None),
        "", best.detector, promoted=False, reason="not registered",
    )  # fmt: skip


def recorded_if_back(project: Project, train: Callable[[], TrainingResult]) -> TrainingResult:
    """Train; if MLflow was lost and is back at the end, record it at once.

    Nothing is trained twice then either: see `recorded_or_kept`.
    """
    try:
        return train()
    except UnrecordedError as error:
        try:
            Tracking.connect(project)
        except ServiceError:
            raise error from None
    with step("MLflow answers again: tell it of the training"):
        return train()

"""Trainings as they are kept in MLflow, read back to be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oddwire.errors import NoModelError, OddwireError
from oddwire.operations.comparison.trainings import (
    TrainingRecord,
    compare_trainings,
    fingerprint_rows,
)
from oddwire.operations.tracking.items import LEADERBOARD_FILE, ROWS_FILE, SCORES_FILE, Tags
from oddwire.operations.training import records
from oddwire.operations.training.fitting import TestScores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from oddwire.operations.tracking.store import Tracking
    from oddwire.operations.training.results import EvaluatedDetector, Training


def two_newest(tracking: Tracking, source: str) -> tuple[str, str]:
    """Return the run ids of the two newest finished trainings of a source, the earlier one first.

    Raises
    ------
    NoModelError
        If there are fewer than two.
    """
    newest = tracking.finished_trainings(source, 2)
    if len(newest) < 2:  # noqa: PLR2004 - a pair
        raise NoModelError(
            f"a comparison needs two finished trainings of source {source!r}, there "
            f"{'is one' if newest else 'is none'}: run `oddwire train {source}` "
            f"{'again' if newest else 'twice'}"
        )
    return newest[1].info.run_id, newest[0].info.run_id


def load_training(tracking: Tracking, run_id: str, folder: Path) -> TrainingRecord:
    """Read back what a finished training kept.

    Parameters
    ----------
    tracking
        The store.
    run_id
        A training's run.
    folder
        Where files may be downloaded to.

    Raises
    ------
    NoModelError
        If there is no such run, it is no finished training, or its leaderboard is gone.
    """
    run = tracking.finished_training(run_id)
    if not tracking.has_file(run_id, LEADERBOARD_FILE):
        raise NoModelError(f"training {run_id} has lost its {LEADERBOARD_FILE}: train again")
    rows = {str(row["detector"]): row for row in tracking.read_json(run_id, LEADERBOARD_FILE)}
    scores = {}
    for detector, row in rows.items():
        study = str(row["run_id"])
        if tracking.has_file(study, SCORES_FILE):
            scores[detector] = TestScores.load(
                tracking.download(study, SCORES_FILE, folder / study)
            )
    fingerprint = None
    if tracking.has_file(run_id, ROWS_FILE):
        fingerprint = tracking.read_json(run_id, ROWS_FILE)
    return TrainingRecord(
        run_id=run_id,
        name=str(run.info.run_name),
        best=str(run.data.tags.get("best_detector", "")),
        rows=rows,
        scores=scores,
        fingerprint=fingerprint,
    )


def compare_with_previous(
    training: Training,
    evaluated: Sequence[EvaluatedDetector],
    best: EvaluatedDetector,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Keep by which rows a training evaluated, and a table of it beside the one before it.

    Parameters
    ----------
    training
        The training, not finished yet; of those that are, the newest is the one before it.
    evaluated, best
        Its detectors, and the one that it chose.
    rows
        Its leaderboard.
    """
    tracking, test = training.tracking(), training.prepared.part("test")
    tracking.log(training.run_id, records.rows_items(test))
    finished = tracking.finished_trainings(training.source, 1)
    if not finished:
        return
    this = TrainingRecord(
        run_id=training.run_id,
        name="",
        best=best.detector,
        rows={row["detector"]: row for row in rows},
        scores={one.detector: TestScores.load(one.report.scores_file) for one in evaluated},
        fingerprint=fingerprint_rows(test),
    )
    try:
        previous = load_training(tracking, finished[0].info.run_id, training.workplace / "previous")
        comparison = compare_trainings(previous, this, seed=training.params.seed)
    except OddwireError as error:  # what is lost of an old training must not end a new one
        tracking.log(training.run_id, [Tags({"not_compared": str(error)})])
        return
    tracking.log(training.run_id, records.comparison_items(comparison))

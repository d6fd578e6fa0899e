"""Trainings as they are kept in MLflow, read back to be compared."""

from __future__ import annotations

from pathlib import Path

from oddwire.errors import NoModelError
from oddwire.evaluation import yardstick
from oddwire.evaluation.campaigns.result import FIGURES as CAMPAIGN_FIGURES
from oddwire.evaluation.observed import INCIDENTS, UNITS
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.operations.comparison.trainings import TrainingRecord
from oddwire.operations.tracking.store import Tracking

# What a training keeps with its run, and with the runs of its studies.
LEADERBOARD_FILE = "leaderboard.json"
SCORES_FILE = "test_scores.parquet"
ROWS_FILE = "test_rows.json"
COMPARISON_FILE = "comparison.json"
BEST = "best_detector"  # tag of a training
CHOICE = "choice"  # tag of a training: why its best detector is the best
LEADERBOARD_COLUMNS = (
    "detector", "roc_auc", "average_precision", "f1", "precision", "recall",
    "recall_at_fpr", "false_positive_rate", "threshold", "rows_per_second", "run_id",
    "model_version", "accuracy", yardstick.NAME, INCIDENTS, UNITS, *CAMPAIGN_FIGURES,
)  # fmt: skip


def newest_pair(tracking: Tracking, source: str, champion: str | None) -> tuple[str, str]:
    """Return the run ids of the champion's training and of the newest one.

    Where the newest is the champion's own, it is the newest two: what the champion replaced or
    stood beside is then of interest. Only finished trainings count.

    Parameters
    ----------
    champion
        Run of the champion's study, None where there is no champion.

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
    this, before = (run.info.run_id for run in newest)
    its = None if champion is None else tracking.parent_of(champion)
    return (before if its in {None, this} else str(its)), this


def load_training(tracking: Tracking, run_id: str, folder: Path) -> TrainingRecord:
    """Read back what a finished training kept.

    Parameters
    ----------
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
            scores[detector] = ScoredRows.load(
                tracking.download(study, SCORES_FILE, folder / study)
            )
    fingerprint = None
    if tracking.has_file(run_id, ROWS_FILE):
        fingerprint = tracking.read_json(run_id, ROWS_FILE)
    return TrainingRecord(
        run_id=run_id,
        name=str(run.info.run_name),
        best=str(run.data.tags.get(BEST, "")),
        rows=rows,
        scores=scores,
        fingerprint=fingerprint,
    )

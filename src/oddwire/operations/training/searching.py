"""The studies of a training, each a run with its trials below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import pandas as pd

from oddwire.evaluation.without_labels.preference import with_ensemble
from oddwire.operations.progress import progress, step
from oddwire.operations.search import records
from oddwire.operations.search.column_selection import split_validation
from oddwire.operations.search.objective import Objective, in_words, make_objective
from oddwire.operations.search.plans import StudyPlan, TrialRecord
from oddwire.operations.search.studies import run_study
from oddwire.operations.training.results import Searched, Training
from oddwire.params import DetectorName


def competing(training: Training, names: Sequence[DetectorName]) -> list[DetectorName]:
    """Return the detectors to train: those asked for, and others where nothing could choose."""
    if validation_objective(training) is not None:
        return list(names)
    return cast("list[DetectorName]", with_ensemble(names))


def search_detector(training: Training, detector: str) -> Searched:
    """Search one detector's hyperparameters, each trial a run below the study's."""
    tracking, plan = training.tracking(), training.plan(detector)
    objective = validation_objective(training)
    with (
        tracking.run(training.source, detector, kind="study", parent=training.run_id) as run,
        step(f"search {detector}", plan.trials if plan.searches and objective else None),
    ):
        study = run_study(
            plan, training.train, objective, training.prepared.schema,
            folder=training.project.studies, stopped=training.stopped,
            on_trial=_TrialLog(training, run, plan, objective.name if objective else ""),
        )  # fmt: skip
        tracking.log(run, training.inputs)
        tracking.log(run, records.study_items(study))
    return Searched(study, run)


def validation_objective(training: Training) -> Objective | None:
    """Return the criterion of trials; None where too few attacks are labelled to have one."""
    return make_objective(validation_rows(training), training.prepared.schema)


def validation_rows(training: Training) -> pd.DataFrame:
    """Return the validation rows that ranked no columns."""
    rows = training.prepared.part("validation")
    return split_validation(rows, seed=training.params.seed)[1] if training.ranking else rows


class _TrialLog:
    """Keeps every trial as a run, and reports progress."""

    def __init__(self, training: Training, run: str, plan: StudyPlan, criterion: str) -> None:
        self._source, self._tracking, self._run = training.source, training.tracking(), run
        self._plan, self._criterion = plan, criterion
        self._best: float | None = None
        self._ended = 0

    def __call__(self, trial: TrialRecord) -> None:
        name = records.trial_name(trial)
        with self._tracking.run(self._source, name, kind="trial", parent=self._run) as run:
            self._tracking.log(run, records.trial_items(trial, self._criterion))
        self._ended += trial.state != "failed"
        if trial.value is not None:
            self._best = max(trial.value, self._best or trial.value)
        value = trial.state if trial.value is None else f"{trial.value:.4f}"
        best = "none yet" if self._best is None else f"{self._best:.4f}"
        progress().advance(
            f"search {self._plan.detector}",
            f"trial {self._ended}/{max(self._ended, self._plan.trials)}: {value} (best {best}, "
            f"{in_words(self._criterion)})",
        )


def wait_for_studies(training: Training, wait: Callable[[], object]) -> None:
    """Wait for studies in other threads, and on Ctrl-C end them before the lock is released.

    Parameters
    ----------
    wait
        Waits for the studies; once told to stop, each ends after the trial that is under way.
    """
    try:
        wait()
    except BaseException:
        training.stopped.set()
        with step("end the searches after their trials"):
            wait()
        raise

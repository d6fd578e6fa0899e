"""The steps of a training, each taking and returning paths, ids and small frozen values.

A step does one thing of the list that ``flows/training.py`` reads out, keeps its result in MLflow,
and reports its progress. `open_training` holds the source's lock, so that two trainings of one
source run one after the other.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Thread

import numpy as np
from filelock import FileLock, Timeout

from oddwire.detection.detectors import DETECTORS, detector_spec
from oddwire.detection.model import Model
from oddwire.errors import DataError
from oddwire.operations.comparison.training_history import compare_with_previous
from oddwire.operations.data.lineage import read_lineage
from oddwire.operations.progress import progress, step
from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.registry.versions import Version
from oddwire.operations.search.column_selection import NONE, rank_columns
from oddwire.operations.search.members import ENSEMBLE
from oddwire.operations.search.objective import make_objective
from oddwire.operations.search.plans import StudyResult, TrialRecord
from oddwire.operations.search.studies import close_study, run_study
from oddwire.operations.tracking.items import Tags, Text
from oddwire.operations.tracking.store import NOTE, Tracking
from oddwire.operations.training import records
from oddwire.operations.training.baseline_comparison import compare_baselines, what_labels_add
from oddwire.operations.training.failing import failed_detectors
from oddwire.operations.training.fitting import (
    FittedModel,
    Prepared,
    evaluate_model,
    fit_model,
)
from oddwire.operations.training.page import leaderboard_markdown
from oddwire.operations.training.results import (
    EvaluatedDetector,
    Searched,
    Training,
    TrainingResult,
    Validation,
)
from oddwire.operations.training.supervised_baselines import evaluate_baselines
from oddwire.params import Params, load_params
from oddwire.project import Project


@contextmanager
def open_training(
    project: Project,
    source: str,
    *,
    trials: int,
    started_by: str,
    detectors: Sequence[str] = (),
    prepare: Callable[[Project, str], None] | None = None,
) -> Iterator[Training]:
    """Wait for the source's lock, begin the run, and end it as finished or failed.

    Parameters
    ----------
    project
        The project.
    source
        A source of ``params.yaml``.
    trials
        Finished trials that each study is to reach.
    started_by
        Name of the flow run, kept as a tag.
    detectors
        Whose libraries are imported while `prepare` works.
    prepare
        Brings the source's data up to date: from then on, and until the training ends, it and the
        settings stay as they are. None where that is done.
    """
    with source_lock(project, source):
        if prepare is not None:
            import_ahead(detectors)
            prepare(project, source)
        params = load_params(project.params_file)
        tracking = Tracking.connect(project)
        tracking.end_orphans(source)
        lineage = read_lineage(project, source)
        now = dt.datetime.now(dt.UTC)
        name = f"training {now:%Y-%m-%d %H:%M:%S}"
        with tracking.run(source, name, kind="training", flow_run=started_by) as run:
            training = Training(
                project.root, source, run, params, trials, lineage.data_digest,
                rank_features(project, source, params),
            )  # fmt: skip
            # Nobody else works here now: what is there, a killed training left behind.
            shutil.rmtree(training.workplace.parent, ignore_errors=True)
            tracking.log(run, records.lineage_items(lineage, params))
            if training.ranking:
                tracking.log(run, [Text("selection.json", records.as_json(training.ranking))])
            tracking.log(run, records.settings_items(
                params, source, trials=trials, effective_target_fpr=training.target_fpr
            ))  # fmt: skip
            try:
                yield training
            finally:
                shutil.rmtree(training.workplace.parent, ignore_errors=True)


def rank_features(project: Project, source: str, params: Params) -> tuple[str, ...]:
    """Rank the feature columns where the search is to select among them."""
    method, prepared = params.search.feature_selection, Prepared(project.prepared(source))
    if method == NONE:
        return ()
    with step(f"rank features by {method.replace('_', ' ')}"):
        told = rank_columns(
            prepared.part("validation"), prepared.schema, method=method, seed=params.seed
        )
    return tuple(told)


def evaluate_baselines_beside(training: Training, best: EvaluatedDetector) -> tuple[str, ...]:
    """Judge supervised baselines and keep them in a run of their own below the training's.

    Returns
    -------
    A sentence per baseline: what labels add to the best detector. One on why not, where they cannot be
    evaluated.
    """
    tracking, prepared, seed = training.tracking(), training.prepared, training.params.seed
    with tracking.run(
        training.source, "What labels add", kind="baselines", parent=training.run_id
    ) as run:
        try:
            target_fpr = training.target_fpr or training.params.alerts.target_fpr
            found = evaluate_baselines(prepared, seed=seed, target_fpr=target_fpr)
        except DataError as error:  # a comparison is no reason to lose a training
            tracking.log(run, [Tags({"not_judged": str(error)})])
            return (str(error),)
        compared = compare_baselines(found, best.report, seed=seed)
        tracking.log(run, records.baseline_items(compared))
    return tuple(what_labels_add(one) for one in compared)


def import_ahead(detectors: Sequence[str]) -> None:
    """Import the detectors' libraries in the background: seconds that DVC's processes leave free.

    Whoever needs a library before it is there waits for it at its import, as always.
    """

    def every() -> None:
        for name in detectors:
            # What fails here fails again where it is needed, and is reported there.
            with suppress(ImportError):
                detector_spec(name).import_libraries()

    Thread(target=every, name="import-ahead", daemon=True).start()


@contextmanager
def source_lock(project: Project, source: str) -> Iterator[None]:
    """Let one training of a source run at a time on this machine; the others wait."""
    project.locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(project.locks / f"train-{source}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with step(f"waiting for another training of {source}"):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def search_detector(training: Training, detector: str, beside: Sequence[Searched] = ()) -> Searched:
    """Search one detector's hyperparameters, each trial a run below the study's.

    Parameters
    ----------
    training
        The training.
    detector
        Its name.
    beside
        The other detectors' studies, for an ensemble of them.
    """
    params, tracking = training.params, training.tracking()
    schema = training.prepared.schema
    objective = make_objective(training.prepared.part("validation"), schema, seed=params.seed)
    train = training.prepared.part("train")
    title = DETECTORS[detector].title
    with (
        tracking.run(training.source, title, kind="study", parent=training.run_id) as run,
        step(f"search {detector}", None if detector == ENSEMBLE else training.trials or None),
    ):
        log = _TrialLog(training, tracking, run, detector, objective.name)
        study = run_study(
            training.plan(detector), train, objective, schema,
            folder=training.project.studies, on_trial=log,
            beside=[one.study for one in beside], stopped=training.stopped,
        )  # fmt: skip
        tracking.log(run, records.study_items(study))
    return Searched(study, run)


class _TrialLog:
    """Keeps every trial as a run, and tells whoever watches."""

    def __init__(
        self, training: Training, tracking: Tracking, run: str, detector: str, criterion: str
    ) -> None:
        self._training, self._tracking, self._run = training, tracking, run
        self._detector, self._criterion = detector, criterion
        self._best: float | None = None

    def __call__(self, trial: TrialRecord) -> None:
        source = self._training.source
        name = f"trial {trial.number:03d}"
        with self._tracking.run(source, name, kind="trial", parent=self._run) as run:
            self._tracking.log(run, records.trial_items(trial, self._criterion))
        if trial.value is not None:
            self._best = max(trial.value, self._best or trial.value)
        best = "" if self._best is None else f"best {self._best:.4f}"
        progress().advance(f"search {self._detector}", best)


def fit_and_evaluate(training: Training, searched: Searched) -> EvaluatedDetector:
    """Fit the best hyperparameters on all training rows, calibrate, and judge on the test rows."""
    study, prepared = searched.study, training.prepared
    with step(f"fit {study.detector}"):
        fitted = fit_model(
            prepared, study.detector, study.parameters, seed=training.params.seed,
            alerts=training.params.alerts, into=training.workplace / study.detector,
        )  # fmt: skip
        report = evaluate_model(
            prepared, fitted, keep=training.workplace / f"{study.detector}.parquet"
        )
        validation = validate(training, study, fitted)
        training.tracking().log(
            searched.run_id,
            [*records.detector_items(report), *records.validation_items(validation)],
        )
    return EvaluatedDetector(searched, fitted, report, validation)


def validate(training: Training, study: StudyResult, fitted: FittedModel) -> Validation:
    """Say what a fitted detector is worth beside those of other kinds, on the validation rows."""
    prepared, seed = training.prepared, training.params.seed
    objective = make_objective(prepared.part("validation"), prepared.schema, seed=seed)
    between = objective.between_detectors()
    if study.value is not None and study.criterion == between.name:
        return Validation(study.criterion, study.value)
    scores = Model.load(fitted.folder, digest=fitted.digest).anomaly_score(between.rows)
    found = between.judge(scores, fitted.detector, fitted.parameters, prepared.part("train"))
    return Validation(between.name, float(np.mean(found)))


def choose_best(evaluated: Sequence[EvaluatedDetector]) -> EvaluatedDetector:
    """Choose by the validation rows, never by the test rows."""
    return max(evaluated, key=lambda one: one.validation.value)


def finish_training(
    training: Training,
    searched: Sequence[Searched],
    evaluated: Sequence[EvaluatedDetector],
    best: EvaluatedDetector,
    versions: Mapping[str, Version],
    decision: PromotionDecision,
) -> TrainingResult:
    """Keep the leaderboard and close the studies: the next training begins new ones.

    A study whose detector could not be fitted in the end is closed too, or the next training would
    find it finished, and fail with the same hyperparameters.
    """
    told = records.strengths([one.report for one in evaluated])
    rows = [
        records.leaderboard_row(one.report, one.searched.run_id, versions[one.detector].number)
        | {
            "strengths": told[one.detector],
            "validation": one.validation.value,
            "criterion": one.validation.criterion,
        }
        for one in evaluated
    ]
    tracking = training.tracking()
    tracking.log(
        training.run_id, records.training_items([j.report for j in evaluated], best.report)
    )
    tracking.log(training.run_id, records.leaderboard_items(rows))
    compare_with_previous(training, evaluated, best, rows)
    explored = training.project.explored(training.source)
    if explored.is_dir():
        tracking.log_folder(training.run_id, explored, under="exploration")
    for each in searched:
        plan = training.plan(each.study.detector)
        close_study(each.study.name, plan, training.project.studies)
    result = TrainingResult(
        training.source, training.run_id, tuple(rows), versions[best.detector].number,
        best.detector, decision.promote, decision.reason, failed_detectors(training),
    )  # fmt: skip
    tracking.log(training.run_id, [Tags({NOTE: leaderboard_markdown(result)})])
    return result

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
from dataclasses import replace
from threading import Thread
from typing import TypeVar

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from oddwire.detection.detectors import DETECTORS, detector_kind
from oddwire.detection.model import Model
from oddwire.errors import DataError, ModelError, ServiceError
from oddwire.operations import reports
from oddwire.operations.artifacts import leaderboard_markdown
from oddwire.operations.fitting import (
    DetectorReport,
    FittedModel,
    Prepared,
    TestScores,
    evaluate_model,
    fit_model,
)
from oddwire.operations.items import Tags, Text
from oddwire.operations.kept_trainings import compare_with_previous
from oddwire.operations.lineage import read_lineage
from oddwire.operations.objective import make_objective
from oddwire.operations.progress import progress, step
from oddwire.operations.promotion import Candidate, PromotionDecision, decide
from oddwire.operations.registry import Registry, Version
from oddwire.operations.rivals import judge_rivals, what_labels_add
from oddwire.operations.search import close_study, run_study
from oddwire.operations.selection import NONE, rank_columns
from oddwire.operations.studies import TrialRecord
from oddwire.operations.tracking import NOTE, Tracking
from oddwire.operations.trained import Judged, Searched, Training, TrainingResult
from oddwire.params import Params, load_params
from oddwire.project import Project
from oddwire.traffic.schema import LABEL, TIME

REFERENCE_FILE = "reference.parquet"
_REFERENCE_ROWS = 20_000
_EXAMPLE_ROWS = 50
_FAILED = "failed."  # and the detector's name: a tag of the training
Outcome = TypeVar("Outcome")


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
            tracking.log(run, reports.lineage_items(lineage, params))
            if training.ranking:
                tracking.log(run, [Text("selection.json", reports.as_json(training.ranking))])
            tracking.log(run, reports.settings_items(
                params, source, trials=trials, effective_max_fpr=training.max_fpr
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


def wait_for_studies(training: Training, wait: Callable[[], object]) -> None:
    """Wait for studies in other threads, and on Ctrl-C end them before the lock is released.

    Parameters
    ----------
    training
        The training.
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


def leave_out_failed(
    training: Training, names: Sequence[str], outcomes: Sequence[Outcome | BaseException]
) -> list[Outcome]:
    """Go on with the detectors that worked; what failed is kept as a tag of the training.

    Parameters
    ----------
    training
        The training.
    names
        Detectors.
    outcomes
        What each came to, an error where it failed.

    Raises
    ------
    ServiceError
        If a server or tool failed, which a detector cannot help.
    BaseException
        The first error, if all failed.
    """
    worked: list[Outcome] = []
    failed: list[BaseException] = []
    for name, outcome in zip(names, outcomes, strict=True):
        if not isinstance(outcome, BaseException):
            worked.append(outcome)
            continue
        if isinstance(outcome, ServiceError):
            raise outcome  # what broke is not the detector
        failed.append(outcome)
        said = " ".join(f"{type(outcome).__name__}: {outcome}".split())[:500]
        training.tracking().log(training.run_id, [Tags({f"{_FAILED}{name}": said})])
        with step(f"{name} failed and is left out: {said}"):
            pass
    if not worked:
        raise failed[0]
    return worked


def failed_detectors(training: Training) -> dict[str, str]:
    """Return why of each detector that `leave_out_failed` left out."""
    tags = training.tracking().client.get_run(training.run_id).data.tags
    return {k.removeprefix(_FAILED): why for k, why in tags.items() if k.startswith(_FAILED)}


def judge_rivals_beside(training: Training, best: Judged) -> tuple[str, ...]:
    """Judge supervised rivals and keep them in a run of their own below the training's.

    Returns
    -------
    A sentence per rival: what labels add to the best detector. One on why not, where they cannot be
    judged.
    """
    tracking, prepared = training.tracking(), training.prepared
    with tracking.run(
        training.source, "What labels add", kind="rivals", parent=training.run_id
    ) as run:
        try:
            found = judge_rivals(prepared, seed=training.params.seed, max_fpr=training.max_fpr)
        except DataError as error:  # a comparison is no reason to lose a training
            tracking.log(run, [Tags({"not_judged": str(error)})])
            return (str(error),)
        tracking.log(run, reports.rival_items(found, best.report))
    return tuple(what_labels_add(one, best.report) for one in found)


def import_ahead(detectors: Sequence[str]) -> None:
    """Import the detectors' libraries in the background: seconds that DVC's processes leave free.

    Whoever needs a library before it is there waits for it at its import, as always.
    """

    def every() -> None:
        for name in detectors:
            # What fails here fails again where it is needed, and is reported there.
            with suppress(ImportError):
                detector_kind(name).import_libraries()

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
        step(f"search {detector}", training.trials or None),
    ):
        log = _TrialLog(training, tracking, run, detector, objective.name)
        study = run_study(
            training.plan(detector), train, objective, schema,
            folder=training.project.studies, on_trial=log,
            beside=[one.study for one in beside], stopped=training.stopped,
        )  # fmt: skip
        tracking.log(run, reports.study_items(study))
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
            self._tracking.log(run, reports.trial_items(trial, self._criterion))
        if trial.value is not None:
            self._best = max(trial.value, self._best or trial.value)
        best = "" if self._best is None else f"best {self._best:.4f}"
        progress().advance(f"search {self._detector}", best)


def judge_detector(training: Training, searched: Searched) -> Judged:
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
        tracking = training.tracking()
        tracking.log(searched.run_id, reports.detector_items(report))
        if study.value is None:  # the defaults, without a search
            study = replace(study, value=validation_value(training, fitted))
            tracking.log(searched.run_id, reports.validation_items(study))
    return Judged(replace(searched, study=study), fitted, report)


def validation_value(training: Training, fitted: FittedModel) -> float:
    """Return what a search would have said of a fitted model."""
    prepared, seed = training.prepared, training.params.seed
    objective = make_objective(prepared.part("validation"), prepared.schema, seed=seed)
    scores = Model.load(fitted.folder, digest=fitted.digest).anomaly_score(objective.rows)
    train = prepared.part("train")
    return float(np.mean(objective.judge(scores, fitted.detector, fitted.parameters, train)))


def choose_best(judged: Sequence[Judged]) -> Judged:
    """Choose by the validation rows, never by the test rows."""
    return max(judged, key=lambda one: one.searched.study.value or 0.0)


def register_all(training: Training, judged: Sequence[Judged], best: Judged) -> dict[str, Version]:
    """Register every detector's model, the best one as the challenger.

    Returns
    -------
    dict
        The version of each detector.
    """
    registry = Registry.of(training.tracking(), training.project)
    example = training.prepared.part("train").head(_EXAMPLE_ROWS)
    versions = {}
    with step("register", len(judged)):
        for one in judged:
            versions[one.detector] = registry.register(
                training.source, one.searched.run_id, one.fitted, example, challenger=one is best
            )
            progress().advance("register", one.detector)
        keep_reference(training, best, versions[best.detector])
    return versions


def keep_reference(training: Training, judged: Judged, version: Version) -> None:
    """Keep benign rows that the model was not fitted to, with their scores, for the drift check."""
    parts = [training.prepared.part(name) for name in ("calibration", "validation")]
    rows = pd.concat(parts, ignore_index=True)
    if LABEL in rows:
        rows = rows[rows[LABEL].fillna(0) == 0]
    if TIME in rows:
        rows = rows.sort_values(TIME, kind="stable")
    # Whole stretches of time are kept rather than single rows: drift is judged against them.
    rows = rows.tail(_REFERENCE_ROWS).reset_index(drop=True)
    model = Model.load(judged.fitted.folder, digest=judged.fitted.digest)
    rows = rows.assign(anomaly_score=model.anomaly_score(rows))
    folder = training.workplace / f"reference-{version.number}"
    folder.mkdir(parents=True)
    rows.to_parquet(folder / REFERENCE_FILE)
    training.tracking().log_folder(version.run_id, folder, under="reference")


def settle_promotion(
    training: Training, best: Judged, version: Version, *, promote: bool
) -> PromotionDecision:
    """Decide whether the challenger becomes champion, and carry it out."""
    registry = Registry.of(training.tracking(), training.project)
    with step("promote"):
        if promote:
            champion, no_rival = _champion(training, registry)
            decision = decide(
                _candidate(best.report, version), champion, training.params.promotion,
                seed=training.params.seed, no_rival=no_rival,
            )  # fmt: skip
        else:
            reason = "promotion was switched off for this training"
            decision = PromotionDecision(promote=False, reason=reason, checks=())
        registry.settle(version, decision)
        training.tracking().log(training.run_id, reports.promotion_items(decision, version.number))
    return decision


def finish_training(
    training: Training,
    searched: Sequence[Searched],
    judged: Sequence[Judged],
    best: Judged,
    versions: Mapping[str, Version],
    decision: PromotionDecision,
) -> TrainingResult:
    """Keep the leaderboard and close the studies: the next training begins new ones.

    A study whose detector could not be fitted in the end is closed too, or the next training would
    find it finished, and fail with the same hyperparameters.
    """
    told = reports.strengths([one.report for one in judged])
    rows = [
        reports.leaderboard_row(one.report, one.searched.run_id, versions[one.detector].number)
        | {"strengths": told[one.detector]}
        for one in judged
    ]
    tracking = training.tracking()
    tracking.log(training.run_id, reports.training_items([j.report for j in judged], best.report))
    tracking.log(training.run_id, reports.leaderboard_items(rows))
    compare_with_previous(training, judged, best, rows)
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


def _candidate(report: DetectorReport, version: Version) -> Candidate:
    rows = TestScores.load(report.scores_file)
    return Candidate(
        name=f"version {version.number} ({version.detector})",
        labels=rows.labels,
        scores=rows.scores,
        threshold=report.test.threshold,
        families=rows.attack,
        milliseconds_per_row=1000 / report.rows_per_second,
        megabytes=report.megabytes,
    )


def _champion(training: Training, registry: Registry) -> tuple[Candidate | None, str]:
    """Judge the champion on the same test rows, or say why there is no rival."""
    version = registry.version(training.source)
    if version is None:
        return None, "is the first model"
    try:
        with registry.files(version) as folder:
            model = Model.load(folder, digest=version.digest)
            if model.schema != training.prepared.schema:
                return None, f"has no rival (version {version.number} was made for other columns)"
            fitted = FittedModel(version.detector, folder, version.digest, np.nan, {})
            keep = training.workplace / "champion.parquet"
            return _candidate(evaluate_model(training.prepared, fitted, keep=keep), version), ""
    except ModelError as error:
        return None, f"has no rival (version {version.number} cannot be used: {error})"

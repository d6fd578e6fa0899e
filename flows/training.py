"""Train on a source: prepare → search each detector → fit → evaluate → register → promote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, cast

from prefect import flow, task
from prefect.futures import PrefectFuture, wait
from prefect.runtime import flow_run, task_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from flows.artifact_keys import artifact_key
from flows.outcomes import Outcome, ended
from flows.progress import show_markdown, shown_on_the_page
from flows.run_names import run_name
from oddwire.operations.data import pipeline
from oddwire.operations.training import failing, finishing, fitting, opening, registering, searching
from oddwire.operations.training.baselines import evaluating as baselines
from oddwire.operations.training.evaluating import choose_best
from oddwire.operations.training.outages.unrecorded import recorded_if_back, recorded_or_kept
from oddwire.operations.training.page import leaderboard_markdown
from oddwire.operations.training.results import (
    EvaluatedDetector,
    Searched,
    Training,
    TrainingResult,
)
from oddwire.params import DetectorName, load_params
from oddwire.params.stage_settings import PeriodSettings
from oddwire.project import Project

DETECTORS: list[DetectorName] = ["isolation_forest", "one_class_svm", "autoencoder"]

# Threads: the fits release Python's lock, and the studies share the rows in memory.
SIDE_BY_SIDE = cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(max_workers=4))

prepare = task(name="prepare", task_run_name="prepare", persist_result=False)(pipeline.reproduce)
search = task(name="search", persist_result=False, task_run_name="search-{detector}")(
    searching.search_detector
)
fit_and_evaluate = task(
    name="fit-and-evaluate", persist_result=False,
    task_run_name=lambda: f"fit-{task_run.get_parameters()['searched'].study.detector}",
)(fitting.fit_and_evaluate)  # fmt: skip
evaluate_baselines = task(name="evaluate-supervised-baselines", persist_result=False)(
    baselines.evaluate_supervised_baselines
)
register = task(name="register", task_run_name="register", persist_result=False)(
    registering.register_all
)
promote_best = task(name="promote", task_run_name="promote", persist_result=False)(
    registering.settle_promotion
)
finish = task(name="finish", task_run_name="finish", persist_result=False)(
    finishing.finish_training
)


def search_all(run: Training, names: Sequence[str]) -> list[Searched]:
    """Search the detectors side by side."""
    searches = [search.submit(run, name) for name in names]
    searching.wait_for_studies(run, lambda: wait(searches))
    found = [each.result(raise_on_failure=False) for each in searches]
    return failing.leave_out_failed(run, names, found)


def fit_and_evaluate_all(run: Training, searched: Sequence[Searched]) -> list[EvaluatedDetector]:
    """Fit and evaluate one after the other: each fit uses all cores."""
    # Prefect's types do not know that a task whose state is asked for returns one.
    states: list[Any] = [fit_and_evaluate(run, each, return_state=True) for each in searched]
    names = [each.study.detector for each in searched]
    return failing.leave_out_failed(
        run, names, [state.result(raise_on_failure=False) for state in states]
    )


@flow(
    name="training",
    flow_run_name=run_name("train", "source"),
    task_runner=SIDE_BY_SIDE,
    persist_result=False,
    validate_parameters=True,
)
def train(
    source: str = "simulated",
    trials: Annotated[int, Field(ge=0, le=1000)] = 20,
    detectors: list[DetectorName] = DETECTORS,
    promote: bool = True,
    supervised_baselines: bool = False,
    since: str = "",
    until: str = "",
) -> TrainingResult:
    """Search, fit, evaluate, register and, if it is better, promote a model for a source.

    Args:
        source: The source of traffic to train on: a block under `sources:` in params.yaml.
        trials: How many sets of hyperparameters each detector tries, from 0 to 1000. More find
            better ones and take longer; 0 trains with the defaults, as does every training whose
            source has no labelled attacks to tell which are better.
        detectors: Which detectors compete; the best of them becomes the challenger. Without
            labelled attacks that is the ensemble, which is trained beside several others.
        promote: Whether the best one becomes champion if it is shown to be better than the
            present champion. Without it the champion stays.
        supervised_baselines: Whether to train classifiers on the labels as well, to show what
            labels would add. Takes minutes.
        since: Train on rows that are known from this time on, such as 2026-03-02 or
            2026-03-02T14:00, in UTC. Empty takes what params.yaml says.
        until: Train on rows that are known before this time.
    """

    def once() -> TrainingResult:
        period = PeriodSettings.asked(since, until)
        return _train(source, trials, detectors, promote, supervised_baselines, period)

    return ended(lambda: recorded_if_back(Project.find(), once), _outcome)


def _train(
    source: str,
    trials: int,
    detectors: Sequence[DetectorName],
    promote: bool,
    supervised_baselines: bool,
    period: PeriodSettings | None,
) -> TrainingResult:
    project = Project.find()
    load_params(project.params_file).source(source)
    names = fitting.check_detectors(detectors)
    with shown_on_the_page():
        name = flow_run.get_name() or ""
        with opening.open_training(
            project, source, trials=trials, started_by=name, detectors=names,
            prepare=partial(prepare, period=period),
        ) as run:  # fmt: skip
            searched = search_all(run, searching.competing(run, names))
            evaluated = fit_and_evaluate_all(run, searched)
            best = choose_best(evaluated)
            with recorded_or_kept(run, evaluated, best):
                versions = register(run, evaluated, best)
                decision = promote_best(run, best, versions[best.detector], promote=promote)
                result = finish(run, searched, evaluated, best, versions, decision)
            if supervised_baselines:
                # A comparison is no reason to lose a training.
                state = evaluate_baselines(run, best, return_state=True)
                added = state.result(raise_on_failure=False)
                sentences = added if isinstance(added, tuple) else (str(added),)
                result = replace(result, supervised_baselines=sentences)
    show_markdown(
        key=artifact_key("leaderboard", source),
        markdown=leaderboard_markdown(result),
        description=f"Newest training on {source}",
    )
    return result


def _outcome(result: TrainingResult) -> Outcome:
    if result.promoted:
        name = "Promoted"
    elif result.champion is None:
        name = "No champion"
    else:
        name = "Kept champion"
    return Outcome(
        name=name,
        sentence=f"{result.detector} is version {result.version}. {result.reason}",
        links={"MLflow run": result.link},
    )

"""Train on a source: prepare → search each detector → fit → evaluate → register → promote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, cast

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.futures import PrefectFuture, wait
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from flows.watching import logged_progress
from oddwire.operations.data import pipeline
from oddwire.operations.search.members import ENSEMBLE
from oddwire.operations.training import failing, page, releasing, steps
from oddwire.operations.training.fitting import parse_detectors
from oddwire.operations.training.results import (
    EvaluatedDetector,
    Searched,
    Training,
    TrainingResult,
)
from oddwire.params import load_params
from oddwire.project import Project

DETECTORS = "isolation_forest,one_class_svm,autoencoder"


# Threads: the fits release Python's lock, and the studies share the rows in memory.
SIDE_BY_SIDE = cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(max_workers=4))


prepare = task(name="prepare", persist_result=False)(pipeline.reproduce)
search = task(name="search", persist_result=False, task_run_name="search-{detector}")(
    steps.search_detector
)
judge = task(name="fit-and-evaluate", persist_result=False)(steps.fit_and_evaluate)
evaluate_baselines = task(name="judge-baselines", persist_result=False)(
    steps.evaluate_baselines_beside
)
register = task(name="register", persist_result=False)(releasing.register_all)
promote_best = task(name="promote", persist_result=False)(releasing.settle_promotion)
finish = task(name="finish", persist_result=False)(steps.finish_training)


def search_all(run: Training, names: Sequence[str]) -> list[Searched]:
    """Search the detectors side by side, and then the ensemble, which is made of the others."""
    single = [name for name in names if name != ENSEMBLE]
    searches = [search.submit(run, name) for name in single]
    failing.wait_for_studies(run, lambda: wait(searches))
    found: list[Searched | Exception] = [one.result(raise_on_failure=False) for one in searches]
    if ENSEMBLE not in names:
        return failing.leave_out_failed(run, single, found)
    beside = [one for one in found if isinstance(one, Searched)]
    found.append(search(run, ENSEMBLE, beside, return_state=True).result(raise_on_failure=False))
    return failing.leave_out_failed(run, [*single, ENSEMBLE], found)


def fit_and_evaluate_all(run: Training, searched: Sequence[Searched]) -> list[EvaluatedDetector]:
    """Fit and evaluate one after the other: each fit uses all cores."""
    states = [judge(run, one, return_state=True) for one in searched]
    names = [one.study.detector for one in searched]
    return failing.leave_out_failed(
        run, names, [state.result(raise_on_failure=False) for state in states]
    )


@flow(
    name="training",
    flow_run_name="training-{source}",
    task_runner=SIDE_BY_SIDE,
    persist_result=False,
    validate_parameters=True,
)
def train(
    source: Annotated[str, Field(description="A source of params.yaml.")] = "simulated",
    trials: Annotated[
        int, Field(ge=0, description="Trials per detector; 0 trains the defaults.")
    ] = 20,
    detectors: Annotated[str, Field(description="Comma-separated names.")] = DETECTORS,
    promote: Annotated[bool, Field(description="Let the best one become champion.")] = True,
    supervised_baselines: Annotated[
        bool, Field(description="Also train classifiers on the labels: what labels would add.")
    ] = False,
) -> TrainingResult:
    """Search, fit, evaluate, register and, if it is better, promote a model for a source.

    Parameters
    ----------
    source
        A source of params.yaml.
    trials
        Finished trials of each detector's study; 0 trains the defaults.
    detectors
        Comma-separated names.
    promote
        Whether the best one may become champion.
    supervised_baselines
        Whether supervised baselines are evaluated as well.
    """
    project = Project.find()
    load_params(project.params_file).source(source)
    names = parse_detectors(detectors)
    with logged_progress(get_run_logger()):
        name = flow_run.get_name() or ""
        with steps.open_training(
            project, source, trials=trials, started_by=name, detectors=names, prepare=prepare
        ) as run:
            searched = search_all(run, names)
            evaluated = fit_and_evaluate_all(run, searched)
            best = steps.choose_best(evaluated)
            versions = register(run, evaluated, best)
            decision = promote_best(run, best, versions[best.detector], promote=promote)
            result = finish(run, searched, evaluated, best, versions, decision)
            if supervised_baselines:
                # A comparison is no reason to lose a training.
                told = evaluate_baselines(run, best, return_state=True).result(
                    raise_on_failure=False
                )
                result = replace(
                    result, baselines=told if isinstance(told, tuple) else (str(told),)
                )
    create_markdown_artifact(
        key=f"leaderboard-{source}".replace("_", "-"),
        markdown=page.leaderboard_markdown(result),
        description=f"Newest training on {source}",
    )
    return result

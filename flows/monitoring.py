"""Drift check: compare current traffic with what the champion was trained on."""

from __future__ import annotations

from typing import Annotated, Literal

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from pydantic import Field

from flows.watching import logged_progress
from oddwire.operations.drift.check import DriftResult, check_source, refresh
from oddwire.operations.training import page
from oddwire.params import load_params
from oddwire.project import Project

Scenario = Literal["", "none", "new_service", "doubled_volume", "broken_sensor", "new_subnet"]

prepare = task(name="prepare", persist_result=False)(refresh)
check = task(name="check-drift", persist_result=False)(check_source)


@flow(name="monitoring", flow_run_name="drift-{source}", persist_result=False)
def monitor(
    source: Annotated[str, Field(description="A source with a champion.")] = "simulated",
    current: Annotated[
        str, Field(description="File of current rows; empty for the newest rows.")
    ] = "",
    scenario: Annotated[
        Scenario, Field(description="For a simulated source: the days after training.")
    ] = "",
) -> DriftResult:
    """Check a source's current traffic for drift, and say so on this page and in MLflow.

    Parameters
    ----------
    source
        A source of params.yaml with a champion.
    current
        File of current rows; empty for the newest rows that the project holds.
    scenario
        For a simulated source: simulate the days after training, changed or not.
    """
    project = Project.find()
    load_params(project.params_file).source(source)
    logger = get_run_logger()
    with logged_progress(logger):
        if not current and not scenario:
            prepare(project, source)
        result = check(project, source, current=current, scenario=scenario)
    logger.log(30 if result.check.drifted else 20, result.check.verdict)
    create_markdown_artifact(
        key=f"drift-{source}".replace("_", "-"),
        markdown=page.drift_markdown(result),
        description=f"Newest drift check of {source}",
    )
    return result

"""Drift check: compare current traffic with what the champion was trained on."""

from __future__ import annotations

from typing import Literal

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact

from flows.progress import logged_progress
from oddwire.operations.drift.check import DriftResult, check_source, refresh
from oddwire.operations.drift.page import drift_markdown
from oddwire.params import load_params
from oddwire.project import Project

Scenario = Literal["", "none", "new_service", "doubled_volume", "broken_sensor", "new_subnet"]

prepare = task(name="prepare", persist_result=False)(refresh)
check = task(name="check-drift", persist_result=False)(check_source)


@flow(name="drift-check", flow_run_name="drift-{source}", persist_result=False)
def check_drift(
    source: str = "simulated", current: str = "", scenario: Scenario = ""
) -> DriftResult:
    """Check a source's current traffic for drift, and say so on this page and in MLflow.

    Args:
        source: A source of params.yaml with a champion.
        current: File of current rows; empty for the newest rows that the project holds.
        scenario: For a simulated source: simulate the days after training, changed or not.
    """
    project = Project.find()
    params = load_params(project.params_file)
    settings = params.source(source)
    logger = get_run_logger()
    with logged_progress(logger):
        if not current and not scenario:
            prepare(project, source, settings)
        result = check(project, source, params, current=current, scenario=scenario)
    logger.log(30 if result.check.drifted else 20, result.check.verdict)
    create_markdown_artifact(
        key=f"drift-{source}".replace("_", "-"),
        markdown=drift_markdown(result),
        description=f"Newest drift check of {source}",
    )
    return result

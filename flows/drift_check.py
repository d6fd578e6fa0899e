"""Drift check: compare current traffic with what the champion was trained on."""

from __future__ import annotations

from typing import Literal

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact

from flows.progress import logged_progress
from oddwire.operations.drift.check import check_source, refresh
from oddwire.operations.drift.new_traffic.past_checks import past_checks
from oddwire.operations.drift.new_traffic.periods import reads_own_rows
from oddwire.operations.drift.page import drift_markdown
from oddwire.operations.drift.result import DriftResult
from oddwire.operations.tracking.store import Tracking
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
        current: A file, glob pattern or folder of current rows; empty for what no check has
            looked at yet.
        scenario: For a simulated source: simulate the days after training, changed or not.
    """
    project = Project.find()
    params = load_params(project.params_file)
    settings = params.source(source)
    logger = get_run_logger()
    with logged_progress(logger):
        if reads_own_rows(params, source, current=current, scenario=scenario):
            prepare(project, source, settings)
        result = check(project, source, params, current=current, scenario=scenario)
    for one in (*result.earlier, result):
        logger.log(30 if one.check.drifted else 20, "%s: %s", one.subject.title, one.check.verdict)
    for reason in result.refused:
        logger.warning("not checked: %s", reason)
    create_markdown_artifact(
        key=f"drift-{source}".replace("_", "-"),
        markdown=drift_markdown(result, past_checks(Tracking.connect(project), source)),
        description=f"Newest drift check of {source}",
    )
    return result

"""Drift check: compare current traffic with what the champion was trained on."""

from __future__ import annotations

import logging
from typing import Literal

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact

from flows.notifications import emit_verdict
from flows.outcomes import Outcome, ended
from flows.progress import shown_on_the_page
from flows.run_names import run_name
from oddwire.operations.drift.check import DriftResult, check_source, refresh
from oddwire.operations.drift.page import drift_markdown
from oddwire.params import load_params
from oddwire.project import Project

Scenario = Literal["", "none", "new_service", "doubled_volume", "broken_sensor", "new_subnet"]

prepare = task(name="prepare", task_run_name="prepare", persist_result=False)(refresh)
check = task(name="check-drift", task_run_name="check-drift", persist_result=False)(check_source)


@flow(
    name="drift-check",
    flow_run_name=run_name("check", "source", "current", "scenario"),
    persist_result=False,
)
def check_drift(
    source: str = "simulated", current: str = "", scenario: Scenario = ""
) -> DriftResult:
    """Check a source's current traffic for drift, and say so on this page and in MLflow.

    Args:
        source: A source of params.yaml with a champion.
        current: File of current rows; empty for the newest rows that the project holds.
        scenario: For a simulated source: simulate the days after training, changed or not.
    """
    return ended(lambda: _check(source, current, scenario), _outcome)


def _check(source: str, current: str, scenario: Scenario) -> DriftResult:
    project = Project.find()
    params = load_params(project.params_file)
    settings = params.source(source)
    with shown_on_the_page():
        if not current and not scenario:
            prepare(project, source, settings)
        result = check(project, source, params, current=current, scenario=scenario)
    create_markdown_artifact(
        key=f"drift-{source}".replace("_", "-"),
        markdown=drift_markdown(result),
        description=f"Newest drift check of {source}",
    )
    emit_verdict(source, drifted=result.check.drifted, payload=result.to_dict())
    return result


def _outcome(result: DriftResult) -> Outcome:
    drifted = result.check.drifted
    return Outcome(
        name="Drifted" if drifted else "No drift",
        sentence=result.check.verdict,
        links={"MLflow run": result.run_id, "report": str(result.report)},
        level=logging.WARNING if drifted else logging.INFO,
    )

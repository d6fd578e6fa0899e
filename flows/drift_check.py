"""Drift check: compare current traffic with what the champion was trained on."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Literal

from prefect import flow, get_run_logger, task
from prefect.runtime import deployment

from flows.artifact_keys import artifact_key
from flows.notifications import emit_verdict
from flows.outcomes import Outcome, ended
from flows.progress import show_markdown, shown_on_the_page
from flows.run_names import run_name
from oddwire.errors import ServiceError
from oddwire.operations.drift.check import refresh
from oddwire.operations.drift.new_traffic.past_checks import past_checks
from oddwire.operations.drift.new_traffic.periods import reads_own_rows
from oddwire.operations.drift.on_order import check_on_order
from oddwire.operations.drift.page import drift_markdown
from oddwire.operations.drift.result import DriftResult
from oddwire.operations.tracking.store import Tracking
from oddwire.params import load_params
from oddwire.params.stage_settings import PeriodSettings
from oddwire.project import Project

Scenario = Literal[
    "new_traffic", "none", "new_service", "doubled_volume", "broken_sensor", "new_subnet"
]
NEW_TRAFFIC: Scenario = "new_traffic"

prepare = task(name="prepare", task_run_name="prepare", persist_result=False)(refresh)
check = task(name="check-drift", task_run_name="check-drift", persist_result=False)(check_on_order)


@flow(
    name="drift-check",
    flow_run_name=run_name("check", "source", "current", "scenario"),
    persist_result=False,
)
def check_drift(
    source: str = "simulated",
    current: str = "",
    scenario: Scenario = NEW_TRAFFIC,
    since: str = "",
    until: str = "",
) -> DriftResult:
    """Check a source's current traffic for drift, and say so on this page and in MLflow.

    Args:
        source: The source whose traffic is compared with what its champion was trained on.
        current: Path of a file, a glob pattern or a folder of current rows, on the machine that
            serves the flows. Empty looks at what no check has looked at yet.
        scenario: new_traffic looks at real rows. The others simulate the days after training, for
            a simulated source alone: none leaves them as they were.
        since: Look at the source's own rows that are known from this time on, such as 2026-03-02
            or 2026-03-02T14:00, in UTC, whether a check has looked at them or not.
        until: Look at the source's own rows that are known before this time.
    """
    simulated = "" if scenario == NEW_TRAFFIC else scenario

    def once() -> DriftResult:
        return _check(source, current, simulated, PeriodSettings.asked(since, until))

    return ended(once, _outcome)


def _check(source: str, current: str, scenario: str, asked: PeriodSettings | None) -> DriftResult:
    project = Project.find()
    params = load_params(project.params_file)
    settings = params.source(source)
    with shown_on_the_page():
        if reads_own_rows(params, source, current=current, scenario=scenario, asked=asked):
            prepare(project, source, settings)
        result = check(
            project, source, params, current=current, scenario=scenario, asked=asked,
            ordered=deployment.get_id() is not None, tell=emit_verdict,
        )  # fmt: skip
    logger = get_run_logger()
    for one in (*result.earlier, result):
        logger.log(30 if one.check.drifted else 20, "%s: %s", one.subject.title, one.check.verdict)
    for reason in result.refused:
        logger.warning("not checked: %s", reason)
    with suppress(ServiceError):  # where MLflow is gone, the verdict stands in the log
        show_markdown(
            key=artifact_key("drift", source),
            markdown=drift_markdown(result, past_checks(Tracking.connect(project), source)),
            description=f"Newest drift check of {source}",
        )
    return result


def _outcome(result: DriftResult) -> Outcome:
    periods = (*result.earlier, result)
    newest = next((one for one in reversed(periods) if one.check.drifted), result)
    caught_up = f" ({len(periods)} periods were looked at)" if len(periods) > 1 else ""
    return Outcome(
        name="Drifted" if result.drifted else "No drift",
        sentence=f"{newest.subject.title}: {newest.check.verdict}{caught_up}",
        links={"MLflow run": newest.link, "report": newest.report},
        level=logging.WARNING if result.drifted else logging.INFO,
    )

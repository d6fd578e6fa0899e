"""What is served, and its schedules: ``python -m flows.deployments``, or ``make up`` for all."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect import serve
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    FlowRun,
)
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow
from prefect.schedules import Cron, Schedule
from prefect.states import Cancelled

from flows.dead_man import return_notice, silence_notice
from flows.drift_check import check_drift
from flows.forms import offer_sources, summary
from flows.ingest import ingest
from flows.notifications import drift_notice, tell
from flows.orphans import TAG, hold_while_serving
from flows.registry import promote_version, roll_back_champion
from flows.scoring import score
from flows.training import train
from flows.watchers import DEPLOYMENT, start_watchers
from flows.watching import watch
from oddwire import __version__
from oddwire.errors import OddwireError
from oddwire.faults import faults_as_errors
from oddwire.loopback import bypass_proxies
from oddwire.masking import without_secrets
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking
from oddwire.params import Params, load_params
from oddwire.project import Project
from oddwire.traffic.wire_text import printable

# Checks of several sources may be due at once: they wait for each other, so none is lost.
ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
EXIT_USER_ERROR = 2  # as of the command line
_PAGE = 200  # runs that Prefect's server gives at once


def deployments(params: Params, project: Project) -> list[RunnerDeployment]:
    """Return every deployment, its form filled in from ``params.yaml``."""
    first, on_schedule = next(iter(params.sources)), watched(params, project)
    training = {
        "source": first,
        "trials": params.search.trials,
        "detectors": list(params.search.detectors),
    }
    made = [
        _deployment(
            train, "training", training, _schedules(params.training.schedule, on_schedule)
        ),
        _deployment(
            check_drift, "drift-check", {"source": first},
            _schedules(params.drift.schedule, on_schedule), concurrency_limit=ONE_AT_A_TIME,
        ),
        _deployment(score, "scoring", {"source": first}),
        _deployment(ingest, "ingest", {"source": first}),
        _deployment(watch, DEPLOYMENT, {"source": next(iter(params.live_sources), first)}),
        _deployment(promote_version, "promote-version", {"source": first}),
        _deployment(roll_back_champion, "roll-back", {"source": first}),
    ]  # fmt: skip
    return [offer_sources(each, list(params.sources)) for each in made]


def watched(params: Params, project: Project) -> tuple[str, ...]:
    """Return the sources that are looked at on schedule.

    Those that ``drift.sources`` names; where it names none, those that have a champion now, and
    the first one, which is to get one.
    """
    if params.drift.sources:
        return params.drift.sources
    registry = Registry.of(Tracking.connect(project), project)
    first, *others = params.sources
    return (first, *(source for source in others if registry.number(source) is not None))


def _deployment(
    flow: Flow[..., Any],
    name: str,
    parameters: dict[str, Any],
    schedules: Sequence[Schedule] = (),
    **options: Any,
) -> RunnerDeployment:
    made = flow.to_deployment(
        name, parameters=parameters, schedules=list(schedules), description=summary(flow.fn),
        tags=[TAG], version=__version__, **options,
    )  # fmt: skip
    if not isinstance(made, RunnerDeployment):
        raise TypeError("deployments are made outside an event loop")
    return made


def _schedules(cron: str | None, sources: Sequence[str]) -> list[Schedule]:
    if cron is None:
        return []
    return [
        Cron(cron, timezone="UTC", parameters={"source": source}, slug=source) for source in sources
    ]


def _registered(made: Sequence[RunnerDeployment], name: str) -> UUID:
    """Register a deployment, and return its id; it is to be served as well."""
    given = next(each for each in made if each.name == name).apply()
    if not isinstance(given, UUID):
        raise TypeError("deployments are registered outside an event loop")
    return given


def keep_paused(made: Sequence[RunnerDeployment], client: SyncPrefectClient) -> None:
    """Leave schedules paused that somebody paused: Prefect makes them anew each time."""
    for deployment in made:
        try:
            there = client.read_deployment_by_name(deployment.full_name)
        except ObjectNotFound:
            continue
        paused = {each.slug for each in there.schedules if not each.active}
        for schedule in deployment.schedules or ():
            if schedule.slug in paused:
                schedule.active = False


def cancel_missed(made: Sequence[RunnerDeployment], client: SyncPrefectClient) -> None:
    """Cancel scheduled runs that nobody served, but the newest of each source.

    One check catches up with all that came meanwhile. What somebody asked for stays, and does not
    stand in for a scheduled run: it may look at something else.
    """
    kept = set()
    for run in _late_runs(made, client):
        which = (run.deployment_id, run.parameters.get("source"))
        if not run.auto_scheduled:
            continue
        if which in kept:
            message = "nothing served it in time; a later run does its work"
            client.set_flow_run_state(run.id, Cancelled(message=message), force=True)
        kept.add(which)


def _late_runs(made: Sequence[RunnerDeployment], client: SyncPrefectClient) -> list[FlowRun]:
    """Return all late runs of deployments with a schedule, the newest first."""
    names = [deployment.name for deployment in made if deployment.schedules]
    found: list[FlowRun] = []
    while True:
        page = client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate({
                "state": {"name": {"any_": ["Late"]}},
                "expected_start_time": {"before_": dt.datetime.now(dt.UTC)},
            }),
            deployment_filter=DeploymentFilter.model_validate({"name": {"any_": names}}),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=_PAGE, offset=len(found),
        )  # fmt: skip
        found += page
        if len(page) < _PAGE:
            return found


def main() -> int:
    """Register every deployment, and run what they are asked to until interrupted.

    Returns
    -------
    The exit code: 0, or 2 after one line on standard error that says what to mend.
    """
    bypass_proxies()
    try:
        with faults_as_errors():
            _serve()
    except OddwireError as error:
        shown = printable(without_secrets(" ".join(str(error).split())))
        sys.stderr.write(f"oddwire: error: {shown}\n")
        return EXIT_USER_ERROR
    return 0


def _serve() -> None:
    project = Project.find()
    params = load_params(project.params_file)
    made = deployments(params, project)
    with get_client(sync_client=True) as client:
        keep_paused(made, client)
        cancel_missed(made, client)
        if params.live_sources:
            start_watchers(client, _registered(made, DEPLOYMENT), params.live_sources)
    tell(params.notify.address(), drift_notice(), silence_notice(), return_notice())
    hold_while_serving()
    serve(*made, pause_on_shutdown=False, print_starting_message=False)


if __name__ == "__main__":
    sys.exit(main())

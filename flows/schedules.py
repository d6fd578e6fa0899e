"""The schedules of the deployments and the runs that are late, as a Prefect server has them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter

from flows.orphans import TAG, client_of

_LATE = dt.timedelta(minutes=5)  # after which it is not only that the machine is busy


@dataclass(frozen=True)
class ScheduleState:
    """A schedule of a deployment.

    Parameters
    ----------
    deployment
        As the ``prefect`` command takes it: ``drift-check/drift-check``.
    schedule
        Its id.
    source
        What it looks at; anybody may have typed it.
    active
        Whether it is not paused.
    """

    deployment: str
    schedule: str
    source: str
    active: bool


@dataclass(frozen=True)
class Standing:
    """How the deployments of a server stand.

    Parameters
    ----------
    deployments
        Their names, none where nothing was served yet.
    schedules
        Of all of them.
    late
        Names of scheduled runs that should have begun.
    """

    deployments: tuple[str, ...]
    schedules: tuple[ScheduleState, ...]
    late: tuple[str, ...]


def standing(api: str) -> Standing:
    """Ask a server, and change nothing.

    Parameters
    ----------
    api
        Address of its API, ``http://127.0.0.1:4200/api``.

    Raises
    ------
    ServiceError
        If it does not answer.
    """
    with client_of(api) as client:
        flows = {flow.id: flow.name for flow in client.read_flows()}
        ours = DeploymentFilter.model_validate({"tags": {"all_": [TAG]}})
        found = client.read_deployments(deployment_filter=ours)
        names = {one.id: f"{flows.get(one.flow_id, one.name)}/{one.name}" for one in found}
        schedules = [
            ScheduleState(
                names[one.id], str(each.id), str(each.parameters.get("source", each.slug or "?")),
                each.active and not one.paused,
            )
            for one in found
            for each in one.schedules
        ]  # fmt: skip
        late = FlowRunFilter.model_validate({
            "state": {"name": {"any_": ["Late"]}},
            "expected_start_time": {"before_": dt.datetime.now(dt.UTC) - _LATE},
        })  # fmt: skip
        runs = client.read_flow_runs(flow_run_filter=late, deployment_filter=ours)
    return Standing(
        tuple(sorted(names.values())), tuple(schedules), tuple(run.name for run in runs)
    )

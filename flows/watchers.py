"""The runs of the deployment `watch`: one for each source that is to be watched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Scheduled

from flows.orphans import TAG, client_of

DEPLOYMENT = "watch"
_UNFINISHED = {
    StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED,
    StateType.CANCELLING,
}  # fmt: skip
_STARTS = {"Scheduled", "Late", "Pending", "Submitting", "Running"}
_MOST = 200  # runs that the server gives at once


@dataclass(frozen=True)
class Watcher:
    """How the run that watches a source stands, or the newest one where none does.

    Parameters
    ----------
    source
        The source.
    run
        Id of the flow run.
    state
        Name of its state, such as ``Watching``; ``Starting`` until its loop was heard.
    message
        Of its state; names in it may be anybody's.
    """

    source: str
    run: str
    state: str
    message: str


def start_watchers(
    client: SyncPrefectClient, deployment: UUID, sources: Sequence[str]
) -> list[FlowRun]:
    """Ask for a run for each source that none watches or is about to; return what is new."""
    watched = {run.parameters.get("source") for run in _runs(client, unfinished=True)}
    return [
        client.create_flow_run_from_deployment(
            deployment, parameters={"source": source}, state=Scheduled()
        )
        for source in sources
        if source not in watched
    ]


def start_again(api: str, source: str) -> None:
    """Ask for a run of a source whose run has crashed, if there is none yet.

    Raises
    ------
    ServiceError
        If the Prefect server does not answer.
    """
    with client_of(api) as client:
        deployment = client.read_deployment_by_name(f"{DEPLOYMENT}/{DEPLOYMENT}")
        start_watchers(client, deployment.id, [source])


def watchers(api: str, sources: Sequence[str]) -> list[Watcher]:
    """Return how the run of each source stands; those that never ran are left out.

    Raises
    ------
    ServiceError
        If the Prefect server does not answer.
    """
    with client_of(api) as client:
        newest: dict[str, FlowRun] = {}
        for run in sorted(_runs(client, unfinished=False), key=_place):
            newest.setdefault(str(run.parameters.get("source")), run)
    return [_told(source, newest[source]) for source in sources if source in newest]


def _runs(client: SyncPrefectClient, *, unfinished: bool) -> list[FlowRun]:
    states = {"state": {"type": {"any_": [*_UNFINISHED]}}} if unfinished else {}
    ours = {"name": {"any_": [DEPLOYMENT]}, "tags": {"all_": [TAG]}}
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate(states),
        deployment_filter=DeploymentFilter.model_validate(ours),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=_MOST,
    )


def _place(run: FlowRun) -> tuple[int, float]:
    """Order runs of a source: which one watches, which is to, which ended last.

    A second one ends at once, and is not told of as long as the first one watches.
    """
    if run.state_type == StateType.RUNNING and run.state_name not in _STARTS:
        return 0, 0.0
    if run.state_type in _UNFINISHED:
        return 1, 0.0
    return 2, -run.end_time.timestamp() if run.end_time else 0.0


def _told(source: str, run: FlowRun) -> Watcher:
    state = run.state
    name, message = (state.name or "", state.message or "") if state else ("", "")
    return Watcher(source, str(run.id), "Starting" if name in _STARTS else name, message)

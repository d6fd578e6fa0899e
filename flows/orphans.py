"""Flow runs whose process is gone: killed, or the machine stopped. Prefect leaves them running.

The process of each flow run holds a lock in Prefect's home, which the kernel frees when the process
ends, however it ends. Who finds the lock of an unfinished flow run free has found an orphan. A flow
run that another process, another user or another machine executes is never taken for one.
"""

from __future__ import annotations

import atexit
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_HOME
from prefect.states import Crashed

from oddwire.errors import ServiceError
from oddwire.masking import masked

TAG = "oddwire"  # of the deployments, and so of their flow runs
_GONE = "its process is gone: it was killed, or the machine stopped"
_EXECUTED = {StateType.RUNNING, StateType.PENDING, StateType.CANCELLING}
_MOST = 200  # that the server returns at once


@dataclass(frozen=True)
class OrphanedRun:
    """A flow run that nobody executes any more.

    Parameters
    ----------
    id, name
        As Prefect has them; anybody may have typed the name.
    state
        ``RUNNING``, ``PENDING`` or ``CANCELLING``.
    """

    id: str
    name: str
    state: str


def hold_while_running() -> None:
    """Hold the lock of the present flow run until this process ends.

    Not only until the flow ends: the server learns of that a moment later.
    """
    run = flow_run.get_id()
    if run is not None:
        file = _folder() / f"{run}.lock"
        _hold(file)
        atexit.register(file.unlink, missing_ok=True)


def hold_while_serving() -> None:
    """Hold the lock of who serves the deployments until this process ends."""
    _hold(_serving())


def orphaned_runs(api: str, *, own_server: bool = False) -> list[OrphanedRun]:
    """Return the flow runs of a server that a process of this machine left.

    Parameters
    ----------
    api
        Address of the server's API, ``http://127.0.0.1:4200/api``.
    own_server
        Whether the server was started here and none but this machine uses its database. Then flow
        runs of the deployments are orphans as well that were to begin when who served them ended.

    Raises
    ------
    ServiceError
        If the server does not answer.
    """
    with client_of(api) as client:
        return [_told(run) for run in _orphans(client, own_server=own_server)]


def end_orphans(api: str, *, own_server: bool = False) -> list[OrphanedRun]:
    """Set what `orphaned_runs` finds to crashed, their tasks with them, and return it."""
    crashed: State[None] = Crashed(message=_GONE)
    with client_of(api) as client:
        orphans = _orphans(client, own_server=own_server)
        for run in orphans:
            which = FlowRunFilter.model_validate({"id": {"any_": [run.id]}})
            unfinished = TaskRunFilter.model_validate({"state": {"type": {"any_": [*_EXECUTED]}}})
            tasks = client.read_task_runs(flow_run_filter=which, task_run_filter=unfinished)
            for task in tasks:
                client.set_task_run_state(task.id, crashed, force=True)
            client.set_flow_run_state(run.id, crashed, force=True)
            (_folder() / f"{run.id}.lock").unlink(missing_ok=True)
    return [_told(run) for run in orphans]


def _orphans(client: SyncPrefectClient, *, own_server: bool) -> list[FlowRun]:
    locks = {UUID(file.stem): file for file in _folder().glob(f"{'?' * 36}.lock")}
    left = [run for run, file in locks.items() if _is_free(file)]
    found: dict[UUID, FlowRun] = {}
    for begin in range(0, len(left), _MOST):
        which = {"id": {"any_": left[begin : begin + _MOST]}}
        for run in client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(which)):
            if run.state_type in _EXECUTED:
                found[run.id] = run
            else:  # it ended, and was killed before it could remove its lock
                locks[run.id].unlink(missing_ok=True)
    if own_server and _alone():
        for run in _served_runs(client):
            if run.id not in locks:
                found[run.id] = run
    return list(found.values())


def _alone() -> bool:
    """Tell whether nobody serves the deployments of the database in this user's home."""
    local = str(PREFECT_API_DATABASE_CONNECTION_URL.value()).startswith("sqlite")
    return local and (not _serving().exists() or _is_free(_serving()))


def _served_runs(client: SyncPrefectClient) -> list[FlowRun]:
    which = {"state": {"type": {"any_": [*_EXECUTED]}}, "tags": {"all_": [TAG]}}
    runs = client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(which))
    return [run for run in runs if run.deployment_id is not None]


def _told(run: FlowRun) -> OrphanedRun:
    state = run.state_type
    return OrphanedRun(str(run.id), run.name, state.value if state else "")


@contextmanager
def client_of(api: str) -> Iterator[SyncPrefectClient]:
    """Give a client of a Prefect server.

    Raises
    ------
    ServiceError
        If the server does not answer; what it says may hold the address, and so a password.
    """
    try:
        with SyncPrefectClient(api) as client:
            yield client
    except (httpx.HTTPError, PrefectException) as error:
        raise ServiceError(
            f"the Prefect server {masked(api)} does not answer ({type(error).__name__})"
        ) from None


def _folder() -> Path:
    return _home() / "oddwire-runs"


def _serving() -> Path:
    return _home() / "oddwire-serving.lock"


def _home() -> Path:
    return Path(PREFECT_HOME.value())


def _hold(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Open until the process ends. Shared, since a flow that is tried again has one already.
    fcntl.flock(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_SH)


def _is_free(file: Path) -> bool:
    try:
        opened = file.open("rb")
    except FileNotFoundError:  # its run has just ended
        return False
    with opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True

"""Servers as `oddwire doctor` sees them: do they answer, which versions, who holds their ports."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil

from oddwire.cli.servers import processes
from oddwire.cli.servers.ports import port_holder
from oddwire.errors import ServiceError
from oddwire.operations.doctor.examining import Look
from oddwire.operations.doctor.finding import Fact, Finding
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.installation import version_of

_SECONDS_TO_ANSWER = 5.0
_MOST_NAMED = 3
_SERVE, _WATCHDOG = processes.SERVE, "parent_watchdog.py"


@dataclass(frozen=True)
class _Page:
    """A server of `oddwire up`: where it tells that it is well, and its version."""

    name: str
    package: str
    health: str
    version: str


_PAGES = (
    _Page("Prefect", "prefect", "/api/health", "/api/admin/version"),
    _Page("MLflow", "mlflow", "/health", "/version"),
    _Page("Evidently", "evidently", "/api/version", "/api/version"),
    _Page("Incidents", "oddwire", "/healthz", "/healthz"),
)
PORTS = {
    "Prefect": processes.PREFECT_PORT,
    "MLflow": processes.MLFLOW_PORT,
    "Evidently": processes.EVIDENTLY_PORT,
    "Incidents": processes.INCIDENTS_PORT,
}


def looks(ports: Mapping[str, int] = PORTS) -> tuple[Look, ...]:
    """Return the looks at servers.

    Parameters
    ----------
    ports
        Where `oddwire up` starts them, by their names, unless it was given other ports.
    """
    return (
        Look("servers", partial(see_servers, ports=ports)),
        Look("Prefect's runs", partial(see_prefect, ports=ports), 90.0),
    )


def see_servers(ground: Ground, ports: Mapping[str, int]) -> Iterator[Finding | Fact]:
    """Look at the ports of `oddwire up`, and at the servers that variables name."""
    ports = {**ports, **_running(ground)}
    named = os.environ.get("PREFECT_API_URL")
    if named and _get(f"{named.rstrip('/')}/health") is None:
        yield Finding(
            subject="PREFECT_API_URL", problem="the Prefect server that it names does not answer",
            remedy="unset PREFECT_API_URL  # then one is started; or start that server",
        )  # fmt: skip
    elif named:
        yield from _version_of(_PAGES[0], named.rstrip("/").removesuffix("/api"), None)
    store = os.environ.get("MLFLOW_TRACKING_URI", "")
    if store.startswith("http"):  # that it answers, the look at the store finds out
        yield from _version_of(_PAGES[1], store.rstrip("/"), None)
    for page in _PAGES:
        yield from _port(ground, page, ports[page.name])


def _running(ground: Ground) -> dict[str, int]:
    """Return the ports of this project's servers by their command lines, the newest of each."""
    found: dict[str, int] = {}
    for process in sorted(psutil.process_iter(), key=lambda one: one.pid):
        with suppress(psutil.Error, OSError, ValueError):
            words = process.cmdline()
            if _SERVE in words and process.cwd() == str(ground.root):
                name, port = words[words.index(_SERVE) + 1 :]
                found[name] = int(port)
    return {page.name: found[page.name.lower()] for page in _PAGES if page.name.lower() in found}


def _port(ground: Ground, page: _Page, port: int) -> Iterator[Finding | Fact]:
    if processes.is_free(port):
        yield Fact(f"port {port} for {page.name} is free")
        return
    holder = port_holder(port)
    pid = None if holder is None else holder.pid
    address = f"http://{processes.HOST}:{port}"
    if _get(address + page.health) is None:
        who = "another user's process" if holder is None else f"process {pid} ({holder.command})"
        option = f"--{page.name.lower()}-port {processes.free_port()}"
        yield Finding(
            subject=f"port {port}", severity="warning",
            problem=f"{page.name}'s port is held by {who}, which does not answer as {page.name}",
            remedy=f"oddwire up {option}",
        )  # fmt: skip
        return
    yield Fact(f"{page.name} answers at {address}" + (f", process {pid}" if pid else ""))
    yield from _version_of(page, address, pid)
    if pid is not None and _left_behind(pid, ground):
        yield Finding(
            subject=f"port {port}", severity="warning",
            problem=f"{page.name} was left running when the `oddwire up` that started it was "
            "killed: the next one finds its port taken", remedy=f"kill {pid}",
        )  # fmt: skip


def _version_of(page: _Page, address: str, pid: int | None) -> Iterator[Finding | Fact]:
    """Compare versions, patches aside: clients and servers of one minor version go together."""
    told, ours = _get(address + page.version), version_of(page.package)
    if told is None or ours is None:
        return
    with suppress(ValueError):
        content = json.loads(told)
        told = str(content["version"] if isinstance(content, dict) else content)
    if _minor(told) != _minor(ours):
        yield Finding(
            subject=page.name, severity="warning",
            problem=f"the server is {page.name} {told}, oddwire's client is {ours}",
            remedy=f"kill {pid}  # and start it with: oddwire up" if pid
            else f"pip install '{page.package}=={told}'  # or bring the server to {ours}",
        )  # fmt: skip


def _minor(version: str) -> list[str]:
    return version.strip().split(".")[:2]


def _get(address: str) -> str | None:
    """Return what an address answers with success, None where it does not."""
    try:
        with urlopen(address, timeout=_SECONDS_TO_ANSWER) as answer:  # noqa: S310 - addresses of Prefect and MLflow
            return str(answer.read(10_000).decode("utf-8", errors="replace"))
    except (OSError, ValueError, HTTPError):
        return None


def _left_behind(pid: int, ground: Ground) -> bool:
    """Whether a server of this project, started by oddwire, has lost who started it."""
    try:
        process = psutil.Process(pid)
        ours = _SERVE in process.cmdline() and process.cwd() == str(ground.root)
        parents = [word for parent in process.parents() for word in parent.cmdline()]
    except (psutil.Error, OSError):
        return False
    return ours and not any(_WATCHDOG in word for word in parents)


def see_prefect(ground: Ground, ports: Mapping[str, int]) -> Iterator[Finding | Fact]:
    """Look at the flow runs and schedules of the Prefect server, if there is one."""
    port = {**ports, **_running(ground)}["Prefect"]
    api = os.environ.get("PREFECT_API_URL") or f"http://{processes.HOST}:{port}/api"
    if _get(f"{api.rstrip('/')}/health") is None:
        yield Fact("Prefect: no server answers; commands start one of their own")
        return
    from flows.orphans import end_orphans, orphaned_runs
    from flows.schedules import standing

    try:
        orphans, found = orphaned_runs(api), standing(api)
    except ServiceError as error:
        yield Finding(
            subject="Prefect", problem=str(error), remedy="oddwire up", severity="warning"
        )
        return
    if orphans:
        yield Finding(
            subject="Prefect", severity="warning",
            problem=f"{len(orphans)} flow runs are {orphans[0].state} though their process is "
            f"gone: {_named([run.name for run in orphans])}", mend=partial(end_orphans, api),
        )  # fmt: skip
    if found.late:
        yield Finding(
            subject="Prefect", severity="warning",
            problem=f"{len(found.late)} scheduled runs are late, since nobody serves them: "
            f"{_named(list(found.late))}", remedy="oddwire up",
        )  # fmt: skip
    for each in found.schedules:
        if not each.active:
            yield Finding(
                subject=each.source, severity="warning",
                problem=f"the schedule of {each.deployment} is paused",
                remedy=f"PREFECT_API_URL={api} prefect deployment schedule resume "
                f"{each.deployment} {each.schedule}",
            )  # fmt: skip
    yield from _unwatched(
        ground, [one.source for one in found.schedules if one.deployment.startswith("drift-check/")]
    )
    yield Fact(f"Prefect: {len(found.deployments)} deployments, {len(found.schedules)} schedules")


def _unwatched(ground: Ground, scheduled: list[str]) -> Iterator[Finding]:
    for source in ground.params.drift.sources if ground.params is not None else ():
        if source not in scheduled:
            yield Finding(
                subject=source, severity="warning",
                problem="drift.sources names it, and no drift check of it is scheduled on the "
                "Prefect server", remedy="oddwire up",
            )  # fmt: skip


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more

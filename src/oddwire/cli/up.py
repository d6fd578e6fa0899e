"""``oddwire up``: the pages of Prefect, MLflow, Evidently and incidents, and the served flows."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.servers import processes
from oddwire.cli.servers.left_running import end_left_runs
from oddwire.cli.servers.ports import port_holder
from oddwire.cli.servers.watcher_lines import tell_of_watchers
from oddwire.errors import ParameterError, ServiceError
from oddwire.params import load_params
from oddwire.project import Project

if TYPE_CHECKING:
    from rich.console import Console

EPILOG = """
**Examples**

`oddwire up`

`oddwire up --prefect-port 4201 --mlflow-port 5001`
"""


def up(
    prefect_port: Annotated[
        int, typer.Option(metavar="PORT", help="Port of the Prefect page.", min=1, max=65535)
    ] = processes.PREFECT_PORT,
    mlflow_port: Annotated[
        int, typer.Option(metavar="PORT", help="Port of the MLflow page.", min=1, max=65535)
    ] = processes.MLFLOW_PORT,
    evidently_port: Annotated[
        int, typer.Option(metavar="PORT", help="Port of the Evidently page.", min=1, max=65535)
    ] = processes.EVIDENTLY_PORT,
    incidents_port: Annotated[
        int, typer.Option(metavar="PORT", help="Port of the page of incidents.", min=1, max=65535)
    ] = processes.INCIDENTS_PORT,
) -> None:
    """Start all pages and the deployments; Ctrl-C stops them together."""
    quiet_tools(terminal=False)
    project = Project.find()
    params = load_params(project.params_file)
    from oddwire.cli.terminal.printing import printer

    console = printer()
    local = not os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http")
    ports = {"Prefect": prefect_port, "Evidently": evidently_port, "Incidents": incidents_port}
    if local:
        ports["MLflow"] = mlflow_port
    for name, port in ports.items():
        if not processes.is_free(port):
            raise ParameterError(_in_use(name, port))
    with _interruption() as interrupted, ExitStack() as stack:
        running = _start_all(project, list(params.sources), ports, stack, console, interrupted)
        page = f"http://{processes.HOST}:{prefect_port}"
        tell_of_watchers(page, params.live_sources, console, interrupted)
        console.print("Press Ctrl-C to stop them all.")
        while not interrupted.wait(0.5):
            for server in running:
                if server.process.poll() is not None:
                    raise ServiceError(f"{server.name} stopped: {processes.last_line(server.log)}")
    console.print("stopped")


def _in_use(name: str, port: int) -> str:
    holder = port_holder(port)
    who = f" by process {holder.pid} ({holder.command})" if holder else ""
    stop = f"stop it (`kill {holder.pid}`)" if holder else "stop it"
    if holder and processes.SERVE in holder.command:
        stop = "that is `oddwire up` or a training, which runs already: end that"
    option = f"--{name.lower()}-port"
    return (
        f"port {port} for {name} is in use{who}: {stop}, or name another port: "
        f"`oddwire up {option} {processes.free_port()}`"
    )


def _start_all(
    project: Project,
    sources: Sequence[str],
    ports: Mapping[str, int],
    stack: ExitStack,
    console: Console,
    interrupted: threading.Event,
) -> list[processes.Server]:
    from oddwire.operations.drift.reporting.evidently_history import set_damaged_aside
    from oddwire.operations.tracking.links import page, runs_link
    from oddwire.operations.tracking.store import Tracking

    pages = {name: f"http://{processes.HOST}:{port}" for name, port in ports.items()}
    running: list[processes.Server] = []

    def started(server: processes.Server) -> processes.Server:
        stack.callback(server.end)
        running.append(server)
        return server

    with _waiting_for("starting the servers, which takes up to a minute", console):
        prefect = started(processes.start_prefect(project, ports["Prefect"]))
        for aside in set_damaged_aside(project):
            console.print(f"The drift history is damaged: set aside as {aside}", markup=False)
        evidently = started(processes.start_evidently(project, ports["Evidently"]))
        tracking = Tracking.connect(project)
        incidents = started(processes.start_incidents(project, ports["Incidents"]))
        waiting = [(incidents, f"{pages['Incidents']}/healthz")]
        waiting += [(prefect, f"{pages['Prefect']}/api/health"), (evidently, pages["Evidently"])]
        if "MLflow" in ports:
            mlflow = started(processes.start_mlflow(project, ports["MLflow"], tracking.uri))
            waiting.append((mlflow, f"{pages['MLflow']}/health"))
        else:
            pages["MLflow"] = page(tracking.uri)
        prefect.wait_until(f"{pages['Prefect']}/api/health", interrupted=interrupted)
        api = f"{pages['Prefect']}/api"
        end_left_runs(api, console, own_server=True)
        started(processes.start_deployments(project, api, mlflow_page=pages["MLflow"]))
        for server, address in waiting:
            server.wait_until(address, interrupted=interrupted)
    console.print(f"Prefect page    {pages['Prefect']}", soft_wrap=True)
    console.print("  run a flow under Deployments")
    console.print(f"MLflow page     {pages['MLflow']}", soft_wrap=True)
    # From MLflow's own list of experiments, a click leads to pages about language models.
    for source in sources:
        link = runs_link(pages["MLflow"], tracking.experiment(source))
        console.print(f"  {source}: {link}", soft_wrap=True)
    console.print(f"Evidently page  {pages['Evidently']}", soft_wrap=True)
    console.print("  drift over time")
    console.print(f"Incidents page  {pages['Incidents']}", soft_wrap=True)
    console.print("  what is odd on the wire, and what the watchers do")
    return running


@contextmanager
def _waiting_for(what: str, console: Console) -> Iterator[None]:
    """Show that something takes a while: a spinner in a terminal, a line elsewhere."""
    if not console.is_terminal:
        console.print(what)
        yield
        return
    with console.status(what):
        yield


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event, so that the servers are stopped in order."""
    interrupted = threading.Event()
    old = {
        number: signal.signal(number, lambda *_: interrupted.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield interrupted
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)

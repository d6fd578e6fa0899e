"""``oddwire up``: Prefect server, MLflow page and deployments, started and stopped together."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.servers import processes
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
) -> None:
    """Start Prefect, MLflow and the deployments; Ctrl-C stops them together."""
    quiet_tools(terminal=False)
    project = Project.find()
    load_params(project.params_file)
    from oddwire.cli.terminal.printing import printer

    console = printer()
    local = not os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http")
    ports = {"Prefect": prefect_port, **({"MLflow": mlflow_port} if local else {})}
    for name, port in ports.items():
        if not processes.is_free(port):
            raise ParameterError(
                f"port {port} for {name} is in use: is `oddwire up` running already? "
                f"Otherwise name another one with --{name.lower()}-port"
            )
    with _interruption() as interrupted, ExitStack() as stack:
        running = _start_all(project, prefect_port, mlflow_port, stack, console, interrupted)
        console.print("Press Ctrl-C to stop them all.")
        while not interrupted.wait(0.5):
            for server in running:
                if server.process.poll() is not None:
                    raise ServiceError(f"{server.name} stopped: {processes.last_line(server.log)}")
    console.print("stopped")


def _start_all(
    project: Project,
    prefect_port: int,
    mlflow_port: int,
    stack: ExitStack,
    console: Console,
    interrupted: threading.Event,
) -> list[processes.Server]:
    from oddwire.operations.tracking.addresses import without_password
    from oddwire.operations.tracking.store import Tracking

    prefect_page = f"http://{processes.HOST}:{prefect_port}"
    mlflow_page = f"http://{processes.HOST}:{mlflow_port}"
    with console.status("starting…"):
        prefect = processes.start_prefect(project, prefect_port)
        stack.callback(prefect.end)
        store = Tracking.connect(project).uri
        running, mlflow = [prefect], None
        if store.startswith(("http://", "https://")):
            mlflow_page = without_password(store)
        else:
            mlflow = processes.start_mlflow(project, mlflow_port, store)
            stack.callback(mlflow.end)
            running.append(mlflow)
        prefect.wait_until(f"{prefect_page}/api/health", interrupted=interrupted)
        deployments = processes.start_deployments(
            project, f"{prefect_page}/api", mlflow_page=mlflow_page
        )
        stack.callback(deployments.end)
        running.append(deployments)
        if mlflow is not None:
            mlflow.wait_until(f"{mlflow_page}/health", interrupted=interrupted)
    console.print(f"Prefect page  {prefect_page}\n  run a flow under Deployments")
    console.print(
        f"MLflow page   {mlflow_page}{processes.MLFLOW_VIEW}\n  compare runs and model versions",
        soft_wrap=True,
    )
    console.print("Deployments   training, drift-check (scheduled), scoring")
    return running


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

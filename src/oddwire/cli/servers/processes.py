"""Servers that the command line starts: the pages, and the served deployments."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from filelock import FileLock

from oddwire.cli.servers.parent_watchdog import SECONDS_TO_END, end_group
from oddwire.errors import ServiceError
from oddwire.masking import masked
from oddwire.project import Project

HOST = "127.0.0.1"
PREFECT_PORT = 4200
MLFLOW_PORT = 5000
EVIDENTLY_PORT = 8000
INCIDENTS_PORT = 8100
_SECONDS_TO_START = 90.0
WORKSPACE = "ODDWIRE_EVIDENTLY_WORKSPACE"  # Evidently's folder
_API = "PREFECT_API_URL"
SERVE = "oddwire.cli.servers.serve"
_WATCHDOG = Path(__file__).with_name("parent_watchdog.py")


@dataclass(frozen=True)
class Server:
    """A program that runs until it is stopped."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, address: str, *, interrupted: threading.Event | None = None) -> None:
        """Wait until the server answers at an address.

        Parameters
        ----------
        address
            HTTP address at which it answers when it is ready.
        interrupted
            Set to stop waiting.

        Raises
        ------
        ServiceError
            If it stops, or does not answer in time.
        KeyboardInterrupt
            If ``interrupted`` is set.
        """
        deadline = time.monotonic() + _SECONDS_TO_START
        while not answers(address):
            if interrupted is not None and interrupted.is_set():
                raise KeyboardInterrupt
            if self.process.poll() is not None:
                raise ServiceError(f"{self.name} stopped while starting: {last_line(self.log)}")
            if time.monotonic() > deadline:
                raise ServiceError(f"{self.name} does not answer at {address}; see {self.log}")
            time.sleep(0.1)

    def end(self) -> None:
        """Terminate it and all that it started, and kill what does not stop in time.

        Its watchdog may be gone before it: the group is ended all the same.
        """
        end_group(self.process.pid)
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def start(
    name: str, command: Sequence[str], *, project: Project, env: Mapping[str, str] | None = None
) -> Server:
    """Start a module in a process group of its own, its output in a log file.

    A parent watchdog stops it when this process is gone, even if it was killed.
    """
    log = project.root / "data" / "logs" / f"{name.lower().replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the commands are those of this file
            [sys.executable, "-I", str(_WATCHDOG), *command],
            cwd=project.root,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,  # never written to: it closes when this process is gone
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches it through us alone
        )
    return Server(name, process, log)


def start_prefect(project: Project, port: int, *, page: bool = True) -> Server:
    """Start a Prefect server on the loopback."""
    api = f"http://{HOST}:{port}/api"
    env = {
        _API: api,
        # Without this, the page of another port would look for its server at the default one.
        "PREFECT_SERVER_UI_API_URL": api,
        "PREFECT_SERVER_UI_ENABLED": str(page),
        # The newer page asks an address on the internet for its settings, even without analytics.
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{HOST}:{port},http://localhost:{port}",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    }
    return start("Prefect server", [SERVE, "prefect", str(port)], project=project, env=env)


def start_mlflow(project: Project, port: int, store: str) -> Server:
    """Start MLflow's page on the loopback."""
    from oddwire.operations.tracking.server import server_settings

    env = server_settings(store, project.mlruns / "artifacts")
    return start("MLflow server", [SERVE, "mlflow", str(port)], project=project, env=env)


def start_evidently(project: Project, port: int) -> Server:
    """Start Evidently's page of the drift checks on the loopback, which nobody can write to."""
    env = {WORKSPACE: str(project.evidently)}
    return start("Evidently", [SERVE, "evidently", str(port)], project=project, env=env)


def start_incidents(project: Project, port: int) -> Server:
    """Start the page of incidents on the loopback, which nobody can write to."""
    env = {"ODDWIRE_PROJECT": str(project.root)}
    return start("incidents page", [SERVE, "incidents", str(port)], project=project, env=env)


def start_deployments(project: Project, api: str, *, mlflow_page: str) -> Server:
    """Serve the deployments, whose texts link to the MLflow page."""
    from oddwire.operations.tracking.links import PAGE_VARIABLE

    env = {_API: api, "ODDWIRE_PROJECT": str(project.root), PAGE_VARIABLE: mlflow_page}
    return start("deployments", [SERVE, "deployments"], project=project, env=env)


@contextmanager
def prefect_api(project: Project) -> Iterator[str]:
    """Set ``PREFECT_API_URL`` to a server that answers, for the length of a ``with``.

    That is the server named by ``PREFECT_API_URL``; otherwise one at Prefect's default address,
    such as that of ``make up``; otherwise one that is started and stopped here. Prefect would
    start one by itself, but more slowly, and stops it with a traceback.

    Raises
    ------
    ServiceError
        If the server named by ``PREFECT_API_URL`` does not answer.
    """
    named = os.environ.get(_API)
    default = f"http://{HOST}:{PREFECT_PORT}/api"
    if named:
        if not answers(f"{named}/health"):
            raise ServiceError(
                f"the Prefect server {masked(named)} named by {_API} does not answer"
            )
        yield named
        return
    if answers(f"{default}/health"):
        with _api(default):
            yield default
        return
    port = free_port()
    address = f"http://{HOST}:{port}/api"
    # Two that start at once would migrate the same database.
    home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect").expanduser()
    with FileLock(home / "oddwire-start.lock"):
        server = start_prefect(project, port, page=False)
        try:
            server.wait_until(f"{address}/health")
        except BaseException:
            server.end()
            raise
    try:
        with _api(address):
            yield address
    finally:
        drain_prefect()
        server.end()


def drain_prefect() -> None:
    """Send the last log lines and events, which Prefect sends in the background."""
    if "prefect.logging.handlers" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        for worker in (APILogWorker, EventsWorker):
            worker.drain_all(timeout=SECONDS_TO_END, at_exit=False)


@contextmanager
def _api(address: str) -> Iterator[None]:
    os.environ[_API] = address
    try:
        yield
    finally:
        del os.environ[_API]


def answers(address: str) -> bool:
    """Tell whether an HTTP address answers with success."""
    try:
        with urlopen(address, timeout=2):  # noqa: S310 - addresses of Prefect and MLflow
            return True
    except (OSError, ValueError, HTTPException):  # the last: a port that is no number
        return False


def free_port() -> int:
    """Return a port of the loopback that is free at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def is_free(port: int) -> bool:
    """Tell whether a port of the loopback can be listened to."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), f"nothing in {log}")

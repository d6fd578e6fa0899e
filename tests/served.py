"""A project that is up: its pages, its served flows, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from command_line import ODDWIRE, environment, wait_until

from oddwire.cli.servers import processes
from oddwire.project import Project

PAGES = ("prefect", "mlflow", "evidently", "incidents")


def free_ports() -> dict[str, int]:
    """Return a free port for each page."""
    return {name: processes.free_port() for name in PAGES}


@dataclass(frozen=True)
class Served:
    """What runs, where its pages are, and what it printed."""

    project: Project
    process: subprocess.Popen[bytes]
    log: Path
    ports: dict[str, int] = field(default_factory=dict)

    def page(self, name: str) -> str:
        """Return the address of a page."""
        return f"http://{processes.HOST}:{self.ports[name]}"

    def end(self) -> None:
        """Stop it as Ctrl-C does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@contextmanager
def serving(project: Project, home: Path, ports: dict[str, int], **more: str) -> Iterator[Served]:
    """Run ``oddwire up`` for the length of a ``with``.

    Parameters
    ----------
    home
        Folder of Prefect's database: the same one finds what was there before.
    more
        Environment variables.
    """
    env = {**environment(home), **more}
    env.pop("PREFECT_API_URL", None)
    command = [ODDWIRE, "up"]
    for name, port in ports.items():
        command += [f"--{name}-port", str(port)]
    log = home.with_suffix(".log")
    with log.open("wb") as output:
        up = subprocess.Popen(
            command, cwd=project.root, env=env, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        wait_until(
            lambda: up.poll() is not None or b"Ctrl-C" in log.read_bytes(), 200, "all servers"
        )
        assert up.poll() is None, log.read_text()
        yield Served(project, up, log, ports)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(up.pid, signal.SIGTERM)
        up.wait(60)

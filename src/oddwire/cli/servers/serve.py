"""One server behind the guard: ``python -m oddwire.cli.servers.serve NAME PORT``.

Started by `oddwire.cli.servers.processes`, which tells the rest by environment variables: other
people of the machine can read a command line.
"""

from __future__ import annotations

import os
import sys
from typing import cast

from oddwire.cli.servers.guard import App, Guard
from oddwire.cli.servers.parent_watchdog import end_with_parent
from oddwire.cli.servers.processes import HOST, WORKSPACE

_SECONDS_TO_ANSWER = 3  # what is still asked when the server is to end


def main() -> None:
    """Serve until terminated, or until the process is gone that asked for it."""
    end_with_parent()
    name, *port = sys.argv[1:]
    if name == "deployments":
        from flows.deployments import main as serve_deployments

        serve_deployments()
        return
    import uvicorn

    uvicorn.run(
        Guard(_APPS[name]()), host=HOST, port=int(port[0]), log_level="warning",
        proxy_headers=False, server_header=False, timeout_graceful_shutdown=_SECONDS_TO_ANSWER,
    )  # fmt: skip


def _prefect() -> App:
    # As `prefect server start` does, which has no place for a check of hosts.
    from prefect.server.api.server import create_app

    return cast("App", create_app(final=True))


def _mlflow() -> App:
    from oddwire.operations.tracking.server import server_app

    return cast("App", server_app())


def _evidently() -> App:
    from oddwire.operations.drift.reporting.evidently_history import server_app

    return cast("App", server_app(os.environ[WORKSPACE]))


def _incidents() -> App:
    from oddwire.live.page.app import server_app
    from oddwire.project import Project

    return cast("App", server_app(Project.find()))


_APPS = {
    "prefect": _prefect, "mlflow": _mlflow, "evidently": _evidently, "incidents": _incidents,
}  # fmt: skip

if __name__ == "__main__":
    main()

"""What a command needs around a flow: MLflow, a Prefect server, progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from oddwire.project import Project


@contextmanager
def session(project: Project, *, quiet: bool = False) -> Iterator[None]:
    """Check that MLflow answers, find or start a Prefect server, and show progress.

    Parameters
    ----------
    quiet
        Show progress in a terminal alone, as for ``--json``.

    Raises
    ------
    ServiceError
        If a server does not answer.
    """
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.operations.progress import step

    with shown_progress(quiet=quiet), ExitStack() as stack:
        with step("find or start MLflow and Prefect"):
            # Imported here, since that alone takes seconds.
            from oddwire.cli.servers.left_running import end_left_runs
            from oddwire.cli.servers.processes import prefect_api
            from oddwire.cli.terminal.printing import printer
            from oddwire.operations.tracking.store import Tracking

            Tracking.connect(project)
            api = stack.enter_context(prefect_api(project))
            end_left_runs(api, printer(err=True))
        yield

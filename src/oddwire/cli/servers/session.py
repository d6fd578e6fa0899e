"""What a command needs around a flow: MLflow, a Prefect server, progress."""

from __future__ import annotations

import logging
import os
import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from oddwire.errors import OddwireError, ServiceError
from oddwire.masking import masked
from oddwire.project import Project

Result = TypeVar("Result")


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
            place = project
            data = project.root / "data"
            # A drift check reads, mostly: where it may not write, the server's log goes elsewhere.
            if data.is_dir() and not os.access(data, os.W_OK):
                place = Project(Path(stack.enter_context(TemporaryDirectory())))
            api = stack.enter_context(prefect_api(place))
            end_left_runs(api, printer(err=True))
        yield


def run_flow(flow: Callable[..., Result], **parameters: Any) -> Result:
    """Run a flow inside a session, and return what it came to even if Prefect's server is gone.

    Raises
    ------
    ServiceError
        If the server is gone before the flow came to anything.
    """
    from flows.outcomes import remembered

    _say_it_once()
    with remembered() as came_to:
        try:
            return flow(**parameters)
        except OddwireError:
            raise
        except Exception as error:
            if not _lost_its_server(error):
                raise
            address = masked(os.environ.get("PREFECT_API_URL", ""))
            gone = f"the Prefect server {address} stopped answering"
            if not came_to:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise ServiceError(f"{gone}: {reason}") from error
            _drop_unsent()
            # What the flow came to matters more than what its page shows of it.
            _warn(f"{gone}: its page does not show how this run ended; nothing else is missing")
            outcome: Result | BaseException = came_to[-1]
            if isinstance(outcome, BaseException):
                raise outcome from None
            return outcome


def _lost_its_server(error: BaseException) -> bool:
    """Tell whether Prefect could not reach its server, which it says by errors of its client."""
    chain = (error, error.__cause__, error.__context__)
    kinds = {f"{kind.__module__}.{kind.__name__}" for one in chain for kind in type(one).__mro__}
    return any(kind.startswith(("httpx.", "httpcore.")) for kind in kinds) or any(
        one is not None and str(one).startswith("Failed to reach API") for one in chain
    )


def _say_it_once() -> None:
    """Let Prefect's background threads keep to themselves that they cannot send their lines."""
    logging.raiseExceptions = False
    # A filter: Prefect sets its loggers' levels anew.
    logging.getLogger("prefect._internal.concurrency").addFilter(_is_no_unsent_event)


def _is_no_unsent_event(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Service ")


def _drop_unsent() -> None:
    """Drop the lines and events that wait to be sent to a server that is gone.

    At the end of the process Prefect would try each of them for seconds.
    """
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        # It offers to wait for them alone.
        waiting: Any = worker._instances  # type: ignore[misc]  # noqa: SLF001
        for service in [*waiting.values()]:
            with suppress(queue.Empty):
                while True:
                    service._queue.get_nowait()  # noqa: SLF001 - the same


def _warn(text: str) -> None:
    from rich.markup import escape

    from oddwire.cli.terminal.printing import printer
    from oddwire.traffic.wire_text import printable

    printer(err=True).print(f"oddwire: warning: {escape(printable(text))}", soft_wrap=True)

"""Progress of a flow: log lines, progress bars and states on the Prefect page.

Where a terminal watches as well, it sees its own bars beside them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from prefect.states import Running

from oddwire.masking import without_secrets
from oddwire.operations.progress import Progress, progress, watched_by

_KEEPS_LINES = 50  # of a step of more parts, the log shows about so many
_without_a_page: set[str] = set()  # flow runs whose server is gone

Answer = TypeVar("Answer")


def tell_page(call: Callable[[], Answer]) -> Answer | None:
    """Tell the page of the flow run; once its server is gone, the work goes on without it."""
    run = flow_run.get_id() or ""
    if run in _without_a_page:
        return None
    try:
        return call()
    except httpx.HTTPError as error:
        if isinstance(error, httpx.HTTPStatusError) and error.response.is_client_error:
            raise  # it answers, and refuses: that is a defect here
        _without_a_page.add(run)
        get_run_logger().warning("the Prefect server is gone: %s", without_secrets(str(error)))
        return None


def show_markdown(key: str, markdown: str, description: str) -> None:
    """Show a page of Markdown, the newest of its kind."""
    tell_page(lambda: create_markdown_artifact(key=key, markdown=markdown, description=description))


@dataclass
class _Counted:
    """A step whose parts are counted: its bar on the page, and how far it is."""

    bar: UUID
    total: int
    done: int = 0


@dataclass(frozen=True)
class _OnThePage(Progress):
    """Tells the Prefect page, and the one who watched before."""

    other: Progress
    counted: dict[str, _Counted] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, step: str, total: int | None = None) -> None:
        get_run_logger().info("%s%s", step, f": {total} parts" if total else "")
        if total:
            # Outside an event loop this is no coroutine, whatever the signature allows.
            bar = tell_page(lambda: create_progress_artifact(progress=0.0, description=step))
            if bar is not None:
                with self.lock:
                    self.counted[step] = _Counted(cast("UUID", bar), total)
        self.other.begin(step, total)

    def advance(self, step: str, note: str = "") -> None:
        with self.lock:
            counted = self.counted.get(step)
            if counted is not None:
                counted.done += 1
        if counted is None:
            get_run_logger().info("%s: %s", step, note)  # such as the stage that DVC runs now
        else:
            self._tell(step, counted, note)
        self.other.advance(step, note)

    def _tell(self, step: str, counted: _Counted, note: str) -> None:
        done, total = counted.done, counted.total
        if done % max(total // _KEEPS_LINES, 1) and done != total:
            return
        get_run_logger().info("%s", note or f"{step}: {done}/{total}")
        percent = min(100.0, 100 * done / total)
        tell_page(lambda: update_progress_artifact(counted.bar, progress=percent))

    def end(self, step: str, *, failed: bool = False) -> None:
        with self.lock:
            counted = self.counted.pop(step, None)
        if counted is not None and not failed:
            tell_page(lambda: update_progress_artifact(counted.bar, progress=100.0))
        self.other.end(step, failed=failed)

    def remark(self, sentence: str) -> None:
        get_run_logger().warning("%s", sentence)
        self.other.remark(sentence)

    def begin_wait(self, reason: str) -> None:
        get_run_logger().info(reason)
        tell_page(lambda: set_state("Waiting", reason))
        self.other.begin_wait(reason)

    def end_wait(self, reason: str) -> None:
        tell_page(lambda: set_state("Running", ""))
        self.other.end_wait(reason)


def set_state(name: str, message: str) -> None:
    """Show on the page what the flow run does: it goes on running all the same."""
    run = flow_run.get_id()
    if run:
        state: Any = Running(name=name, message=message)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(run), state, force=True)


@contextmanager
def shown_on_the_page() -> Iterator[None]:
    """Show the progress of everything inside."""
    with watched_by(_OnThePage(progress())):
        yield

"""How a flow run ends: its state is named for what came of it, and says so in one sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from prefect import get_run_logger
from prefect.logging import get_logger
from prefect.states import Completed, Failed

from oddwire.errors import OddwireError
from oddwire.faults import faults_told

Result = TypeVar("Result")
_came_to: ContextVar[list[Any] | None] = ContextVar("oddwire_came_to", default=None)


@contextmanager
def remembered() -> Iterator[list[Any]]:
    """Keep what the flows inside come to, results and errors: Prefect may fail to hand them on."""
    kept: list[Any] = []
    token = _came_to.set(kept)
    try:
        yield kept
    finally:
        _came_to.reset(token)


def _remember(outcome: object) -> None:
    kept = _came_to.get()
    if kept is not None:
        kept.append(outcome)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a flow run came to.

    Parameters
    ----------
    name
        Name of the state that the run ends in, such as ``Drifted``.
    sentence
        The state's message.
    links
        Where to read on, a link by what it leads to: in the last line of the log.
    level
        Level of that line.
    """

    name: str
    sentence: str
    links: dict[str, str]
    level: int = logging.INFO


def ended(body: Callable[[], Result], outcome: Callable[[Result], Outcome]) -> Result:
    """Run the body of a flow, and let the run end in a state that says what came of it.

    A mistake of the user's ends it as failed, with the cause as the state's message and without a
    traceback. Prefect hands the result on to whoever called the flow, and raises the error there.
    """
    try:
        with _without_tracebacks(), faults_told():
            result = body()
    except OddwireError as error:
        _remember(error)
        get_run_logger().error("%s", error)
        failed: Any = Failed(message=str(error), data=error)
        return cast("Result", failed)
    except BaseException as error:
        _remember(error)
        raise
    _remember(result)
    said = outcome(result)
    links = "".join(f"\n{what}: {link}" for what, link in said.links.items())
    get_run_logger().log(said.level, "%s: %s%s", said.name, said.sentence, links)
    state: Any = Completed(name=said.name, message=said.sentence, data=result)
    return cast("Result", state)


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    """Log a mistake of the user's that ends a task as one line: Prefect adds a traceback."""
    tasks = get_logger("prefect.task_runs")
    tasks.addFilter(_one_line)
    try:
        yield
    finally:
        tasks.removeFilter(_one_line)


def _one_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, OddwireError):
        record.msg, record.args, record.exc_info = str(error), (), None
    return True

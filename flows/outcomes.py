"""How a flow run ends: its state is named for what came of it, and says so in one sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from prefect import get_run_logger
from prefect.logging import get_logger
from prefect.states import Completed, Failed

from flows.orphans import hold_while_running
from oddwire.errors import OddwireError

Result = TypeVar("Result")


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
    hold_while_running()
    try:
        with _without_tracebacks():
            result = body()
    except OddwireError as error:
        get_run_logger().error("%s", error)
        failed: Any = Failed(message=str(error), data=error)
        return cast("Result", failed)
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

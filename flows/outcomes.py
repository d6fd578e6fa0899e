"""How a flow run ends: its state is named for what came of it, and says so in one sentence."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from prefect import get_run_logger
from prefect.logging import get_logger
from prefect.states import Completed, Failed

from flows.orphans import hold_while_running
from oddwire.errors import OddwireError
from oddwire.faults import faults_as_errors
from oddwire.masking import without_secrets
from oddwire.traffic.wire_text import printable

Result = TypeVar("Result")
_LONGEST = 2000  # letters of a message: names in it come from files and from the wire
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
        with _without_tracebacks(), faults_as_errors():
            hold_while_running()
            result = body()
    except OddwireError as error:
        _remember(error)
        told = shown(error)
        get_run_logger().error("%s", told)
        failed: Any = Failed(message=told, data=error)
        return cast("Result", failed)
    except Exception as error:
        _remember(error)
        # Prefect writes the message and the traceback of a defect to its log and its page.
        text = "".join(traceback.format_exception(error))
        if (masked := without_secrets(text)) != text:
            raise RuntimeError(masked.rstrip().rpartition("\n")[2]) from None
        raise
    except BaseException as error:
        _remember(error)
        raise
    _remember(result)
    said = outcome(result)
    sentence = _in_a_line(said.sentence)
    links = "".join(f"\n{what}: {printable(link)}" for what, link in said.links.items() if link)
    get_run_logger().log(said.level, "%s: %s%s", said.name, sentence, links)
    state: Any = Completed(name=said.name, message=sentence, data=result)
    return cast("Result", state)


def shown(error: OddwireError) -> str:
    """Return an error as the page and the log show it: names of files are not ours."""
    return _in_a_line(without_secrets(str(error)))


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
        record.msg, record.args, record.exc_info = "%s", (shown(error),), None
    elif error is not None:
        text = "".join(traceback.format_exception(error))
        if (masked := without_secrets(text)) != text:
            record.msg, record.args, record.exc_info = masked, (), None
    elif (masked := without_secrets(record.getMessage())) != record.getMessage():
        record.msg, record.args = masked, ()  # such as the message of a task's last state
    return True


def _in_a_line(text: str) -> str:
    return printable(" ".join(text.split()), _LONGEST)

"""Watch a source: follow its logs, and keep the loop running that does."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.outcomes import Outcome, ended
from flows.run_names import run_name
from flows.watch_page import WatchPage
from oddwire.errors import ParameterError
from oddwire.live.supervising.loop_process import LoopProcess
from oddwire.live.supervising.opened import OpenedIncidents
from oddwire.live.supervising.restarts import Restarts
from oddwire.live.supervising.supervisor import supervise
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.operations.locks import watch_lock
from oddwire.params import load_params, watched
from oddwire.project import Project


@flow(name="watch", flow_run_name=run_name("watch", "source"), persist_result=False)
def watch(
    source: str = "simulated",
    from_start: bool = False,
    until_end: bool = False,
    restarts: Annotated[int, Field(ge=0, le=60)] = 6,
) -> Heartbeat | None:
    """Follow a source's logs as they grow and raise incidents, until this run is cancelled.

    Args:
        source: The source to watch, whose champion scores what comes. One run watches it at a time.
        from_start: Whether the rows that lie there already are scored too, where the source was
            never watched before.
        until_end: Whether to end once all that lies there is scored.
        restarts: How often within an hour the loop is started again when it ends by itself, from
            0 to 60. What another start cannot mend, such as a wrong setting, ends this run at once.
    """
    return ended(lambda: _watch(source, from_start, until_end, restarts), _outcome)


def _watch(source: str, from_start: bool, until_end: bool, restarts: int) -> Heartbeat | None:
    project = Project.find()
    settings = watched(load_params(project.params_file).source(source))
    if settings is not None and settings.input is not None and settings.input.opened() == "-":
        raise ParameterError(
            f"sources.{source}.watch.input must be no standard input, which a run of Prefect has "
            "not: `oddwire watch` reads it"
        )
    asked = {"--from-start": from_start, "--until-end": until_end}
    options = [option for option, given in asked.items() if given]
    with watch_lock(project, source, supervising=True):
        page = WatchPage(source, OpenedIncidents(project, source))
        with page.told_as_it_ends():
            return supervise(
                partial(LoopProcess.of, project, source, options), page, Restarts(restarts),
                until_end=until_end,
            )  # fmt: skip


def _outcome(last: Heartbeat | None) -> Outcome:
    if last is None:
        return Outcome(name="Watched", sentence="There was nothing to score.", links={})
    sentence = (
        f"{last.source}: {last.rows:,} connections, {last.alerts:,} alerts, "
        f"{last.incidents.get('opened', 0):,} incidents"
    )
    return Outcome(name="Watched", sentence=sentence, links={})

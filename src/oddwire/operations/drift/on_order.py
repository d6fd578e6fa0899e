"""A drift check on order: what somebody else than the user of the command line is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from oddwire.operations.data.elsewhere import is_elsewhere, telling_little
from oddwire.operations.drift.check import check_question, check_source
from oddwire.operations.drift.result import DriftResult
from oddwire.params import Params
from oddwire.params.stage_settings import PeriodSettings
from oddwire.project import Project

_COMMAND = "oddwire drift"


def check_on_order(
    project: Project,
    source: str,
    params: Params,
    *,
    current: str,
    scenario: str,
    ordered: bool,
    asked: PeriodSettings | None = None,
    tell: Callable[[DriftResult], object] = lambda _: None,
) -> DriftResult:
    """Check as `check_source` does; an order is told nothing of what is in other people's files.

    Parameters
    ----------
    ordered
        Whether the Prefect page asked, and not the command line.
    asked, tell
        As of `check_source`.
    """
    checked = partial(
        check_source, project, source, params,
        current=current, scenario=scenario, asked=asked, tell=tell,
    )  # fmt: skip
    if not (ordered and current and is_elsewhere(project, current)):
        return checked()
    check_question(project, current=current, scenario=scenario)
    with telling_little(project, current, source, _COMMAND):
        result = checked()
    if not result.refused:
        return result
    count = f"{len(result.refused)} of the files"
    return replace(
        result, refused=(f"{count} are not what {source} promises: `{_COMMAND}` says why",)
    )

"""Names that tell flow runs apart: source, what was looked at, when."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, cast

from coolname.data import config as words
from prefect.runtime import flow_run

from oddwire.traffic.wire_text import printable

# The forms of Prefect's page fill in names such as `beta3-archer` and `Rustic-Dunker`.
_FROM_A_FORM = re.compile(
    r"(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|omicron|pi|rho|"
    r"sigma|tau|upsilon|phi|chi|psi|omega)\d*-[a-z-]+|[A-Z][a-z]+-[A-Z][a-z]+"
)
_LONGEST = 60


def run_name(verb: str, *parameters: str) -> Callable[[], str]:
    """Return what names the runs of a flow; a name that somebody typed stays.

    Parameters
    ----------
    verb
        Begins the name.
    parameters
        Names of parameters whose values tell runs apart, as far as they are given; of a path its
        last part.
    """

    def name() -> str:
        given = flow_run.get_name() or ""
        if given and not is_generated(given):
            return given
        values = [flow_run.get_parameters().get(each) for each in parameters]
        shown = [_in_a_name(value) for value in values if value is not None]
        # When it was to start: the runs of a schedule are told apart by that.
        start = (flow_run.get_scheduled_start_time() or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
        first, rest = [verb, *shown[:1]], filter(None, shown[1:])
        return " · ".join([" ".join(first), *rest, f"{start:%F %R}"])

    return name


def _in_a_name(value: object) -> str:
    """Return what a name says of a parameter; a number is a version's."""
    if isinstance(value, int):
        return f"version {value}"
    return printable(PurePath(str(value)).name, _LONGEST)


def is_generated(name: str) -> bool:
    """Tell whether Prefect made a name up, as its server and its forms do."""
    if _FROM_A_FORM.fullmatch(name):
        return True
    parts = name.split("-")
    return len(parts) > 1 and all(part in _vocabulary() for part in parts)


def _vocabulary() -> frozenset[str]:
    entries = cast("list[dict[str, Any]]", [*words.values()])
    phrases = [tuple(phrase) for entry in entries for phrase in entry.get("phrases", ())]
    lists = [tuple(entry.get("words", ())) for entry in entries]
    return frozenset(word for each in (*lists, *phrases) for word in each)

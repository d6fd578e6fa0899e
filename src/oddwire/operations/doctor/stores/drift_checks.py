"""Drift: when it was last checked, and what came of it; Evidently's history of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from oddwire.disk.damaged import all_set_aside
from oddwire.operations.doctor.finding import Fact, Finding, in_words, quoted
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.stores.schedules import longest_pause
from oddwire.operations.registry.versions import Registry, model_name
from oddwire.params import Params
from oddwire.traffic.wire_text import printable

_DAY = 86_400.0


def see_drift(ground: Ground) -> Iterator[Finding | Fact]:
    """Look whether each source that has a champion is checked as ``drift.schedule`` says."""
    if ground.store is None or ground.params is None:
        return
    registry = Registry.of(ground.store, ground.project)
    watched = ground.params.drift.sources or ground.sources
    for source in watched:
        number = registry.number(source)
        if number is not None:
            yield from _checked(registry, source, number, ground.params)


def _checked(
    registry: Registry, source: str, number: str, params: Params
) -> Iterator[Finding | Fact]:
    runs = registry.tracking.finished_runs(source, "drift", 1)
    made = registry.tracking.client.get_model_version(model_name(source), number)
    last = runs[0].info.start_time if runs else made.creation_timestamp
    days = (time.time() - last / 1000) / _DAY
    what = "last drift check" if runs else "no drift check since the champion was made"
    if days > 2 * longest_pause(params.drift.schedule):
        yield Finding(
            subject=source, severity="warning",
            problem=f"{what}, {in_words(days)} ago, though drift.schedule is "
            f"{params.drift.schedule!r}: nobody serves it, or it is paused",
            remedy=f"oddwire drift {source}",
        )  # fmt: skip
    elif not runs:
        text = f"{source}: not checked for drift yet (`oddwire drift {source}`)"
        yield Fact(text, figure=True)
    if not runs:
        return
    tags = runs[0].data.tags
    current = printable(tags.get("current", "?"), 60)
    if tags.get("drifted") == "yes" and runs[0].info.start_time > made.creation_timestamp:
        yield Finding(
            subject=source, severity="warning",
            problem=f"the last check, of {current} {in_words(days)} ago, found drift: the champion "
            "was trained on other traffic", remedy=f"oddwire train {source}",
        )  # fmt: skip
    else:
        yield Fact(f"{source}: checked for drift {in_words(days)} ago, {current}", figure=True)


def see_history(ground: Ground) -> Iterator[Finding | Fact]:
    """Look for files of Evidently's workspace that would keep its page from starting."""
    place, whole = ground.project.evidently, 0
    for file in sorted(place.glob("*/*.json")) + sorted(place.glob("*/snapshots/*.json")):
        shown = quoted(file, ground.root)
        if _is_json(file):
            whole += 1
        else:
            yield Finding(
                subject=shown, problem="is damaged: Evidently's page does not start with it",
                remedy=f"mv {shown} {shown}.damaged",
            )  # fmt: skip
    folders = [place, *place.glob("*"), *place.glob("*/snapshots")]
    for aside in (one for folder in folders for one in all_set_aside(folder)):
        yield Fact(f"{quoted(aside, ground.root)} was damaged and set aside", figure=True)
    yield Fact(f"Evidently: {whole} files of the history are whole")


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return True

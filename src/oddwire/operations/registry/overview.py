"""How far each source of params.yaml is: its files, its prepared rows, its champion."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import asdict, dataclass
from typing import Any

from oddwire.errors import OddwireError
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.addresses import URI_VARIABLE
from oddwire.operations.tracking.store import Tracking
from oddwire.params import Params, SourceSettings, watched
from oddwire.project import Project
from oddwire.traffic.sources.reading.files import missing_files


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """How far a source is.

    Parameters
    ----------
    rows_from
        Its files, or what makes its rows, in words.
    missing
        Files of it that are not there.
    watched
        What is followed of it; None where nothing is.
    prepared
        Whether the ``prepare`` stage has run once.
    champion
        Number of the champion; None without one, or where MLflow does not answer.
    last_training
        When the newest finished training began, in ISO format; None as above.
    """

    name: str
    format: str
    rows_from: str
    missing: tuple[str, ...]
    watched: str | None
    prepared: bool
    champion: str | None
    last_training: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class SourceStates:
    """The states of all sources, and why MLflow could not be asked, empty where it was."""

    states: tuple[SourceState, ...]
    store_error: str


def source_states(project: Project, params: Params) -> SourceStates:
    """Look at every source; nothing that is missing or does not answer is an error."""
    error = ""
    trained: dict[str, tuple[str | None, str | None]] = {}
    # A store that nobody has used yet need not be made to learn that it is empty.
    if os.environ.get(URI_VARIABLE) or (project.mlruns / "mlflow.db").is_file():
        try:
            registry = Registry.of(Tracking.connect(project), project)
            trained = {name: _trained(registry, name) for name in params.sources}
        except OddwireError as failed:
            error = str(failed)
    states = []
    for name, settings in params.sources.items():
        champion, last = trained.get(name, (None, None))
        states.append(
            SourceState(
                name=name, format=settings.format, rows_from=settings.rows_from(),
                missing=missing_files(settings, root=project.root), watched=_watched(settings),
                prepared=(project.prepared(name) / "split.json").is_file(),
                champion=champion, last_training=last,
            )
        )  # fmt: skip
    return SourceStates(tuple(states), error)


def _watched(settings: SourceSettings) -> str | None:
    if (watch := watched(settings)) is None:
        return None
    return "its files" if watch.input is None else str(watch.input)


def _trained(registry: Registry, source: str) -> tuple[str | None, str | None]:
    runs = registry.tracking.finished_trainings(source, 1)
    if not runs:
        return registry.number(source), None
    begun = dt.datetime.fromtimestamp(runs[0].info.start_time / 1000, dt.UTC)
    return registry.number(source), begun.isoformat(timespec="seconds")

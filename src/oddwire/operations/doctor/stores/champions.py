"""The champion of each source: how old it is, and whether its files are what was registered."""

from __future__ import annotations

import time
from collections.abc import Iterator

from oddwire.detection.persistence.manifest import read_verified
from oddwire.errors import ModelError, OddwireError
from oddwire.operations.doctor.finding import Fact, Finding, in_words
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.stores.schedules import longest_pause
from oddwire.operations.registry import ledger
from oddwire.operations.registry.versions import CHAMPION, PREVIOUS, Registry, model_name
from oddwire.params import Params

_DAY = 86_400.0


def see_champions(ground: Ground) -> Iterator[Finding | Fact]:
    """Look at each source's champion, and at the model that it could be rolled back to."""
    if ground.store is None or ground.params is None:
        return
    registry = Registry.of(ground.store, ground.project)
    for source in ground.sources:
        number = registry.number(source)
        yield from _ledger_agrees(registry, source, number)
        if number is None:
            yield Fact(f"{source}: no champion yet (`oddwire train {source}`)", figure=True)
            continue
        yield from _version(registry, source, CHAMPION)
        if registry.number(source, PREVIOUS) is not None:
            yield from _version(registry, source, PREVIOUS)
        yield from _age(registry, source, number, ground.params)


def _version(registry: Registry, source: str, alias: str) -> Iterator[Finding | Fact]:
    number = registry.number(source, alias)
    remedy = f"oddwire rollback {source}" if alias == CHAMPION else f"oddwire train {source}"
    if alias == CHAMPION and not _loads(registry, source, PREVIOUS):
        remedy = f"oddwire train {source}"
    problem = _problem(registry, source, alias)
    if problem:
        yield Finding(
            subject=f"{source}, {alias}", remedy=remedy,
            problem=f"version {number} cannot be used: {problem}",
            severity="broken" if alias == CHAMPION else "warning",
        )  # fmt: skip
    else:
        yield Fact(f"{source}: {alias} version {number} is whole, by its SHA-256")


def _loads(registry: Registry, source: str, alias: str) -> bool:
    return registry.number(source, alias) is not None and not _problem(registry, source, alias)


def _problem(registry: Registry, source: str, alias: str) -> str:
    """Return why a version's files cannot be used, empty where they can."""
    try:
        version = registry.version(source, alias)
        if version is None:
            return ""
        with registry.files(version) as folder:
            try:
                read_verified(folder, digest=version.digest)
            except ModelError as error:  # the folder is a copy that nobody will find
                return str(error).replace(f"{folder}/", "").replace(str(folder), "its folder")
    except (OddwireError, OSError) as error:
        return str(error)
    return ""


def _age(registry: Registry, source: str, number: str, params: Params) -> Iterator[Finding | Fact]:
    made = registry.tracking.client.get_model_version(model_name(source), number)
    days = (time.time() - made.creation_timestamp / 1000) / _DAY
    yield Fact(f"{source}: champion is version {number}, {in_words(days)} old", figure=True)
    schedule = params.training.schedule
    runs = registry.tracking.finished_trainings(source, 1)
    watched = source in params.drift.sources or not params.drift.sources
    if schedule is None or not watched or not runs:
        return
    since = (time.time() - runs[0].info.start_time / 1000) / _DAY
    if since > 2 * longest_pause(schedule):
        yield Finding(
            subject=source, severity="warning",
            problem=f"was last trained {in_words(since)} ago, though training.schedule is "
            f"{schedule!r}: nobody serves it", remedy="oddwire up",
        )  # fmt: skip


def _ledger_agrees(registry: Registry, source: str, number: str | None) -> Iterator[Finding]:
    """Yield a promotion that is on record, and was never carried out."""
    try:
        entries = ledger.read(registry.ledger, source).entries
    except (OddwireError, OSError):  # the look at the ledger says so
        return
    decided = entries[0].after if entries else None
    if decided is not None and decided != number:
        yield Finding(
            subject=source, severity="warning",
            problem=f"by the ledger version {decided} is champion since {entries[0].time}, in "
            f"MLflow it is {'none' if number is None else f'version {number}'}: whoever promoted "
            "it was killed, or the alias was moved by hand",
            remedy=f"oddwire promote {source} {decided} --because 'as the ledger says'",
        )  # fmt: skip

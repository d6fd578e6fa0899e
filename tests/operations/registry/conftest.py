"""An empty registry, a small model to register in it, and decisions on it."""

from __future__ import annotations

import json

import pytest

from oddwire.operations.registry.moving import settle
from oddwire.operations.registry.promotion import Check, PromotionDecision
from oddwire.operations.registry.versions import CHALLENGER, CHAMPION, PREVIOUS, Registry

YES = PromotionDecision(promote=True, reason="Promoted: it is the first.", checks=())
WORSE = Check(name="better", passed=False, figure=-0.1, limit=0.0, note="it is worse")
NO = PromotionDecision(promote=False, reason="Refused: it is worse.", checks=(WORSE,))


@pytest.fixture
def registry(tracking, bare):
    return Registry.of(tracking, bare)


@pytest.fixture
def register(registry, fitted, make_rows):
    """Return a function that registers the small model once more."""

    def one(source="desk", **options):
        with registry.tracking.run(source, "study", kind="study") as run:
            return registry.register(
                source, run, fitted.model, fitted.folder, fitted.digest, make_rows(10), **options
            )

    return one


@pytest.fixture
def settled(registry):
    """Return a function that carries out a decision on a version."""
    return lambda version, *, promote: settle(
        registry, version, YES if promote else NO, who="training-7"
    )


@pytest.fixture
def numbers(registry):
    """Return a function that tells which version has which alias."""

    def of(source="desk"):
        found = {
            alias: registry.number(source, alias) for alias in (CHAMPION, CHALLENGER, PREVIOUS)
        }
        return {alias: number for alias, number in found.items() if number}

    return of


@pytest.fixture
def ledger(registry):
    """Return a function that reads the ledger's lines."""
    return lambda: [json.loads(line) for line in registry.ledger.read_text().splitlines()]
